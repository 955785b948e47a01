"""The stages of a plan as a picture: one SVG file without scripts or external resources."""

from xml.sax.saxutils import escape

from tenzo.sw.networks.contraction import Order
from tenzo.sw.planning.plan import LayerPlan, Plan, StagePlan

WIDTH = 440
"""Width of the picture in its own units; one unit is a pixel until it is scaled."""

TIMES = " \N{MULTIPLICATION SIGN} "
"""What stands between the dimensions of a stage."""

_MARGIN = 12
_BOX_HEIGHT = 78
_TENSOR_HEIGHT = 40
_LAYER_HEIGHT = 30
_BAR_WIDTH = 190
_GLYPH_SIZE = 46

_ACTIVATION_NAMES = {"none": [], "relu": ["ReLU"], "sine": ["sine"], "tanh": ["tanh"]}

_STYLE = """
.stages{--ink:#1b2530;--soft:#5d6b79;--line:#c5ced7;--box:#f5f7f9;--accent:#0b6e8a;
--weight:#c8641b;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media (prefers-color-scheme:dark){.stages{--ink:#e6ebf0;--soft:#9aa7b4;--line:#3d4955;
--box:#1d252d;--accent:#4db6d3;--weight:#f0974e}}
@media print{.stages{--ink:#000;--soft:#444;--line:#999;--box:#fff;--accent:#0b6e8a;
--weight:#c8641b}}
.stages text{fill:var(--ink);font-size:13px}
.stages .soft{fill:var(--soft);font-size:12px}
.stages .strong{font-weight:600}
.stages .end{text-anchor:end}
.stages .box{fill:var(--box);stroke:var(--line)}
.stages .flow{stroke:var(--soft);stroke-width:1.5;fill:none}
.stages .head{fill:var(--soft)}
.stages .tensor{fill:var(--accent)}
.stages .weight{fill:var(--weight);fill-opacity:.25;stroke:var(--weight)}
.stages .track{fill:var(--line)}
"""


def stage_name(stage: StagePlan, layer: LayerPlan) -> str:
    """Return what a stage multiplies with: ``core 2`` or ``matrix``."""
    return "matrix" if layer.order is Order.DENSE else f"core {stage.core}"


def layer_heading(index: int, layer: LayerPlan) -> str:
    """Return a layer in words: its number, sizes and contraction order."""
    form = "dense" if layer.order is Order.DENSE else f"tensor train, {layer.order.value}"
    return f"Layer {index}: {layer.inputs} to {layer.outputs}, {form}"


def stage_shape(stage: StagePlan) -> str:
    """Return a stage as ``left x J x K x right``."""
    return TIMES.join(map(str, (stage.left, stage.J, stage.K, stage.right)))


def draw_plan(plan: Plan, standalone: bool = True) -> str:
    """Draw stages from top to bottom: what flows between them, and what each one costs.

    Bars have the length of the words per sample, rectangles the proportions of a stage's matrix.

    Parameters
    ----------
    plan : :class:`tenzo.sw.planning.planner.Plan`
    standalone : :class:`bool`
        Write a file of its own, else an element for an HTML page.

    Returns
    -------
    SVG text.
    """
    canvas = _Canvas(plan)
    canvas.tensor(plan.network.inputs, "input")
    for index, layer in enumerate(plan.layers):
        canvas.heading(layer_heading(index, layer))
        for stage in layer.stages:
            canvas.stage(stage, layer)
            last = stage.index + 1 == len(plan.stages)
            canvas.tensor(
                stage.left * stage.J * stage.right, "results, 32 bits" if last else "", last
            )
    canvas.legend()
    return canvas.svg(standalone)


class _Canvas:
    """Elements drawn so far, and the height they take."""

    def __init__(self, plan: Plan) -> None:
        self.elements: list[str] = []
        self.y = _MARGIN
        written = (stage.left * stage.J * stage.right for stage in plan.stages)
        self.words = max(plan.network.inputs, *written)
        self.cycles = plan.cycles
        self.side = max(max(stage.J, stage.K) for stage in plan.stages)

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        attribute = f' class="{kind}"' if kind else ""
        self.elements.append(f'<text x="{x:g}" y="{y:g}"{attribute}>{escape(text)}</text>')

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        radius = ' rx="6"' if kind == "box" else ""
        self.elements.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:.4g}" height="{height:.4g}"'
            f'{radius} class="{kind}"/>'
        )

    def heading(self, text: str) -> None:
        self.text(_MARGIN, self.y + 20, text, "strong")
        self.y += _LAYER_HEIGHT

    def tensor(self, words: int, label: str, last: bool = False) -> None:
        """A bar for the words between two stages, beside the arrow that leads on."""
        x, top = _MARGIN + 24, self.y
        end = top + _TENSOR_HEIGHT - (14 if last else 6)
        self.elements.append(f'<path class="flow" d="M{x} {top + 2}V{end}"/>')
        self.elements.append(f'<path class="head" d="M{x - 4} {end - 1}h8l-4 6z"/>')
        length = max(2.0, _BAR_WIDTH * words / self.words)
        self.rectangle(x + 16, top + 13, length, 10, "tensor")
        unit = "word" if words == 1 else "words"
        text = f"{words:,} {unit}" + (f" ({label})" if label else "")
        self.text(x + 16 + length + 8, top + 22.5, text, "soft")
        self.y += _TENSOR_HEIGHT

    def stage(self, stage: StagePlan, layer: LayerPlan) -> None:
        """A box: the matrix in proportion, the dimensions, the cost and its share."""
        top, width = self.y, WIDTH - 2 * _MARGIN
        self.rectangle(_MARGIN, top, width, _BOX_HEIGHT, "box")
        self._matrix(_MARGIN + 12 + _GLYPH_SIZE / 2, top + _BOX_HEIGHT / 2, stage)
        x, right = _MARGIN + 24 + _GLYPH_SIZE, WIDTH - _MARGIN - 12
        extras = (["bias"] if stage.bias else []) + _ACTIVATION_NAMES[stage.activation]
        self.text(
            x,
            top + 20,
            ", ".join([f"stage {stage.index}: {stage_name(stage, layer)}", *extras]),
            "strong",
        )
        self.text(right, top + 20, f"shift {stage.shift}", "soft end")
        sizes = (
            f"left {stage.left}",
            f"J {stage.J}",
            f"K {stage.K}",
            f"right {stage.right}",
        )
        self.text(x, top + 39, TIMES.join(sizes))
        cycles = stage.slots + stage.wait_cycles
        share = cycles / self.cycles
        wait = f", {stage.wait_cycles} idle" if stage.wait_cycles else ""
        self.text(x, top + 57, f"{stage.macs:,} MACs, {cycles:,} cycles{wait}", "soft")
        self.text(right, top + 57, f"{100 * share:.1f} %", "soft end")
        self.rectangle(x, top + 66, right - x, 3, "track")
        self.rectangle(x, top + 66, (right - x) * share, 3, "tensor")
        self.y += _BOX_HEIGHT

    def _matrix(self, x: float, y: float, stage: StagePlan) -> None:
        """The matrix of a stage, J high and K wide, both on one square-root scale."""
        unit = _GLYPH_SIZE / self.side**0.5
        height, width = unit * stage.J**0.5, unit * stage.K**0.5
        self.rectangle(x - width / 2, y - height / 2, width, height, "weight")

    def legend(self) -> None:
        """What rectangles, bars and percentages mean."""
        for line in (
            "Rectangle: the stage's matrix, J rows, K columns (square roots).",
            "Bar between stages: words per sample.",
            "Percentage: the stage's share of the cycles.",
        ):
            self.text(_MARGIN, self.y + 20, line, "soft")
            self.y += 18
        self.y += 8

    def svg(self, standalone: bool) -> str:
        height = self.y + _MARGIN
        namespace = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
        size = f' width="{WIDTH}" height="{height}"' if standalone else ""
        head = f'<svg{namespace} class="stages" viewBox="0 0 {WIDTH} {height}"{size} role="img">'
        style = f"<style>{_STYLE}</style>"
        title = "<title>Stages of the plan</title>"
        background = '<rect width="100%" height="100%" style="fill:var(--page)"/>'
        if standalone:
            style += "<style>.stages{--page:#fff}@media (prefers-color-scheme:dark)"
            style += "{.stages{--page:#12181e}}</style>"
        else:
            background = ""
        return "\n".join([head, title, style, background, *self.elements, "</svg>"]) + "\n"
