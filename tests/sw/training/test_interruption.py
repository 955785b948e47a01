import os
import signal
import threading

import pytest

from tenzo.sw.training.interruption import Interrupted, Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_is_remembered_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        interruption.check()
        os.kill(os.getpid(), number)
        assert interruption.number == number
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
    assert signal.getsignal(number) is before


def test_first_signal_counts():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.number == signal.SIGTERM


@pytest.mark.parametrize("came", [False, True])
def test_final_block_goes_on_ignoring_signals(came):
    with Interruption(final=True):
        if came:
            os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)


def test_other_threads_take_no_signals():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work():
        with Interruption():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


def test_exit_status_is_that_of_shells():
    assert Interrupted(signal.SIGINT, "stopped").exit_status == 130
    assert Interrupted(signal.SIGTERM, "stopped").exit_status == 143
