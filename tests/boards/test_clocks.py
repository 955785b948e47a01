from __future__ import annotations

from fractions import Fraction

import pytest

from tenzo.boards.catalogue import boards, find_board
from tenzo.boards.clocks import find_baud, find_pll, parse_mhz
from tenzo.sw.errors import UserError


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
    with pytest.raises(UserError, match=r"cannot make 17.7 MHz from 12 MHz: choose 17.625 or 18 "):
        find_pll(find_board("icebreaker"), Fraction("17.7"))


def test_clock_below_all_is_answered_with_the_slowest() -> None:
    with pytest.raises(UserError, match=r"cannot make 1 MHz from 12 MHz: choose 16.125 MHz"):
        find_pll(find_board("icebreaker"), Fraction(1))


def test_fastest_exact_baud_rate_is_chosen() -> None:
    assert find_baud(find_board("ulx3s-85f"), Fraction(80)) == (2_000_000, 40)
    assert find_baud(find_board("ulx3s-85f"), Fraction(75)) == (3_000_000, 25)


def test_baud_rate_that_does_not_divide_the_clock_is_refused() -> None:
    with pytest.raises(UserError, match=r"--baud must divide the clock; .* use 2000000, 1000000"):
        find_baud(find_board("ulx3s-85f"), Fraction(80), 3_000_000)


def test_clock_that_no_baud_rate_divides_is_refused() -> None:
    with pytest.raises(UserError, match=r"no baud rate of icepi-zero divides 33.3333 MHz"):
        find_baud(find_board("icepi-zero"), Fraction(100, 3))


@pytest.mark.parametrize("text", ["fast", "0", "-5", "1/0", "nan"])
def test_clock_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--clock must be a number of megahertz"):
        parse_mhz(text)
