"""An archive for a vendor's tools: Verilog, constraints and a script that makes the bitstream."""

from __future__ import annotations

import io
import zipfile

from tenzo.boards.constraints import SUFFIXES
from tenzo.boards.design import Design
from tenzo.boards.steps import NAME

_EPOCH = (1980, 1, 1, 0, 0, 0)

_SCRIPT = """\
# Run with: vivado -mode batch -source {name}.tcl
read_verilog {name}.v
read_xdc {name}.xdc
synth_design -top {name} -part {device}
opt_design
place_design
phys_opt_design
route_design
report_timing_summary -file timing.txt
report_utilization -file utilization.txt
if {{[get_property SLACK [get_timing_paths]] < 0}} {{
  error "the clock is not reached: see timing.txt"
}}
write_bitstream -force {name}.bit
"""


def vendor_archive(design: Design) -> bytes:
    """Return a zip file, the same whenever the design is the same."""
    script = _SCRIPT.format(name=NAME, device=design.board.device)
    files = {
        f"{NAME}.v": design.verilog,
        f"{NAME}{SUFFIXES[design.board.family.name]}": design.constraints,
        f"{NAME}.tcl": script,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            information = zipfile.ZipInfo(f"{NAME}/{name}", _EPOCH)
            information.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(information, text)
    return buffer.getvalue()
