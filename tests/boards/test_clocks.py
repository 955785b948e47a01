from __future__ import annotations

import re
from fractions import Fraction

import pytest

from tenzo.boards.board import Board
from tenzo.boards.catalogue import boards, find_board
from tenzo.boards.clocks import LEAST_MHZ, find_baud, find_pll, parse_mhz
from tenzo.sw.errors import UserError
from tenzo.sw.link.serial_transport import Limits


@pytest.mark.parametrize("clock", [50, 60, 75, 80, 90, 100])
def test_ecp5_loop_makes_the_clock_by_its_own_formula(clock: int) -> None:
    settings = find_pll(find_board("ulx3s-85f"), Fraction(clock))
    assert settings is not None
    oscillator = Fraction(25) * settings.multiplier / settings.divider
    assert oscillator == settings.oscillator_mhz and 400 <= oscillator <= 800
    assert oscillator / settings.output_divider == clock


def test_gowin_oscillator_is_a_multiple_of_the_output() -> None:
    settings = find_pll(find_board("tang-nano-9k"), Fraction(33))
    assert settings is not None
    assert Fraction(27) * settings.multiplier / settings.divider == 33
    assert settings.oscillator_mhz == 33 * settings.output_divider


def test_clock_of_the_board_needs_no_loop() -> None:
    assert all(find_pll(board, board.input_mhz) is None for board in boards())


def test_impossible_clock_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"cannot make 17.7 MHz from 12 MHz: choose 17.25 or 18 "):
        find_pll(find_board("icebreaker"), Fraction("17.7"))


def test_clock_below_all_is_answered_with_the_slowest() -> None:
    with pytest.raises(UserError, match=r"cannot make 1 MHz from 12 MHz: choose 12 MHz"):
        find_pll(find_board("icebreaker"), Fraction(1))


def use_clock(board: Board, clock: Fraction) -> None:
    """What a build does with a clock."""
    find_pll(board, clock)
    find_baud(board, clock)


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_clock_that_is_proposed_can_be_used(board: Board) -> None:
    targets = [Fraction(mhz) for mhz in range(4, 200)]
    targets += [Fraction(100, 3), Fraction("17.7"), Fraction("50.0001"), Fraction(1000)]
    refused = {}
    for target in targets:
        try:
            use_clock(board, target)
        except UserError as error:
            refused[target] = str(error)
    assert refused
    for sentence in refused.values():
        (proposed,) = re.findall(r"choose ([\d. or]+) MHz, or leave out --clock", sentence)
        for text in proposed.split(" or "):
            use_clock(board, parse_mhz(text))


def test_fastest_exact_baud_rate_is_chosen() -> None:
    assert find_baud(find_board("ulx3s-85f"), Fraction(80)) == (2_000_000, 40)
    assert find_baud(find_board("ulx3s-85f"), Fraction(75)) == (3_000_000, 25)


def test_baud_rate_that_does_not_divide_the_clock_is_refused() -> None:
    with pytest.raises(UserError, match=r"--baud must divide the clock; .* use 2000000, 1000000"):
        find_baud(find_board("ulx3s-85f"), Fraction(80), 3_000_000)


def test_clock_that_no_baud_rate_divides_is_refused() -> None:
    sentence = r"no baud rate of icepi-zero divides 33.3333 MHz: choose 33 or 33.5 MHz, or leave"
    with pytest.raises(UserError, match=sentence):
        find_baud(find_board("icepi-zero"), Fraction(100, 3))


@pytest.mark.parametrize(
    "text",
    ["fast", "0", "-5", "1/0", "nan", "inf", "1e400", "1e-400", "1e999999999", "9.999", "1001"],
)
def test_clock_that_no_board_can_have_is_refused(text: str) -> None:
    sentence = "--clock must be a number of megahertz from 10 to 1000, for example 50, not "
    with pytest.raises(UserError, match=f"^{re.escape(sentence + repr(text))}$"):
        parse_mhz(text)


def test_clock_is_read_exactly() -> None:
    assert parse_mhz("17.7") == Fraction(177, 10)
    assert [parse_mhz("10"), parse_mhz("1e3")] == [Fraction(10), Fraction(1000)]


def test_slowest_clock_is_the_one_that_time_outs_count_on() -> None:
    assert Limits().clock_hz == LEAST_MHZ * 1_000_000
