"""Networks: layers of tensor-train or dense matrices, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tenzo.sw.errors import UserError
from tenzo.sw.networks.tt import check_modes, core_shapes, tt_svd
from tenzo.sw.numerics import FloatArray
from tenzo.sw.program import Activation


@dataclass(frozen=True)
class TensorTrain:
    """Matrix of shape (prod output_modes, prod input_modes) as a train of cores.

    Core k has shape (r_{k-1}, n_k, m_k, r_k): left rank, input mode, output mode, right rank.
    Indices of inputs and outputs are flattened in C order, the last mode fastest.

    Parameters
    ----------
    input_modes, output_modes : tuple of :class:`int`
        n_1..n_d and m_1..m_d.
    ranks : tuple of :class:`int`
        r_0..r_d; the first and the last are 1.

    Raises
    ------
    UserError
        If the lengths do not match, a mode or rank is below 1, or the ranks do not end with 1.
    """

    input_modes: tuple[int, ...]
    output_modes: tuple[int, ...]
    ranks: tuple[int, ...]

    def __post_init__(self) -> None:
        check_modes(self.input_modes, self.output_modes, self.ranks)

    @property
    def core_shapes(self) -> tuple[tuple[int, int, int, int], ...]:
        """Shape (r_{k-1}, n_k, m_k, r_k) of each core."""
        return tuple(core_shapes(self.input_modes, self.output_modes, self.ranks))


@dataclass(frozen=True)
class Dense:
    """Matrix of shape (outputs, inputs), every element a parameter."""


@dataclass(frozen=True)
class Layer:
    """One layer: ``activation(W x + bias)``.

    Parameters
    ----------
    inputs, outputs : :class:`int`
        Sizes of x and of the result.
    form : :class:`TensorTrain` or :class:`Dense`
        How W is stored.
    bias : :class:`bool`
        Whether the layer has a bias of ``outputs`` parameters.
    activation : :class:`Activation`

    Raises
    ------
    UserError
        If a size is below 1, or the modes' product is not the layer's size.
    """

    inputs: int
    outputs: int
    form: TensorTrain | Dense
    bias: bool = False
    activation: Activation = Activation.NONE

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            if getattr(self, name) < 1:
                raise UserError(f"a layer's {name} must be at least 1, not {getattr(self, name)!r}")
        if isinstance(self.form, TensorTrain):
            _check_product("input", self.form.input_modes, self.inputs)
            _check_product("output", self.form.output_modes, self.outputs)

    @property
    def core_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the weights: four numbers per core, or (outputs, inputs) of a dense matrix."""
        if isinstance(self.form, TensorTrain):
            return self.form.core_shapes
        return ((self.outputs, self.inputs),)

    @property
    def weight_count(self) -> int:
        """Parameters without the bias."""
        return sum(math.prod(shape) for shape in self.core_shapes)

    @property
    def bias_count(self) -> int:
        """Parameters of the bias."""
        return self.outputs if self.bias else 0


@dataclass(frozen=True)
class Network:
    """Layers in order.

    Raises
    ------
    UserError
        If there is none, or a layer's inputs are not as many as the outputs of the one before.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise UserError("a network must have at least one layer")
        for index, (layer, following) in enumerate(
            zip(self.layers[:-1], self.layers[1:], strict=True)
        ):
            if layer.outputs != following.inputs:
                raise UserError(
                    f"layer {index + 1} takes {following.inputs} inputs, but layer {index} gives "
                    f"{layer.outputs} outputs: make them equal"
                )

    @property
    def inputs(self) -> int:
        """Size of a sample."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Size of a result."""
        return self.layers[-1].outputs

    @property
    def weight_count(self) -> int:
        """Parameters without biases."""
        return sum(layer.weight_count for layer in self.layers)

    @property
    def bias_count(self) -> int:
        """Parameters of all biases."""
        return sum(layer.bias_count for layer in self.layers)

    @property
    def parameter_count(self) -> int:
        """Length of a parameter vector."""
        return self.weight_count + self.bias_count

    @classmethod
    def from_matrices(
        cls,
        matrices: Sequence[FloatArray],
        biases: Sequence[FloatArray | None] | None = None,
        modes: Sequence[tuple[Sequence[int], Sequence[int]] | None] | None = None,
        ranks: Sequence[int | Sequence[int]] | None = None,
        activations: Sequence[Activation] | None = None,
    ) -> tuple[Network, FloatArray]:
        """Import the dense layers of a trained network.

        Parameters
        ----------
        matrices : sequence of float64 arrays of shape (outputs, inputs)
        biases : sequence of float64 arrays of shape (outputs,) or None, optional
        modes : sequence of (input modes, output modes) or None, optional
            Where given, the layer becomes a tensor train by TT-SVD; otherwise it stays dense.
        ranks : sequence, optional
            Of each layer with modes: the largest rank, or all d + 1 ranks.
        activations : sequence of :class:`Activation`, optional
            ReLU after every layer but the last unless given.

        Returns
        -------
        The network, and its parameter vector, float64 of shape (parameter_count,).

        Raises
        ------
        UserError
            If lists differ in length, or modes, ranks and matrices do not fit.
        """
        from tenzo.sw.networks.parameters import LayerParameters, to_vector

        count = len(matrices)
        biases = [None] * count if biases is None else biases
        modes = [None] * count if modes is None else modes
        ranks = [1] * count if ranks is None else ranks
        if activations is None:
            activations = [Activation.RELU] * (count - 1) + [Activation.NONE]
        lists = {"biases": biases, "modes": modes, "ranks": ranks, "activations": activations}
        for name, values in lists.items():
            if len(values) != count:
                raise UserError(f"{count} matrices need as many {name}, not {len(values)}")
        layers, parameters = [], []
        for matrix, bias, pair, rank, activation in zip(
            matrices, biases, modes, ranks, activations, strict=True
        ):
            form: TensorTrain | Dense = Dense()
            cores = [matrix]
            if pair is not None:
                cores = tt_svd(matrix, *pair, rank)
                inner = tuple(core.shape[3] for core in cores)
                form = TensorTrain(tuple(pair[0]), tuple(pair[1]), (1, *inner))
            outputs, inputs = matrix.shape
            layers.append(Layer(inputs, outputs, form, bias is not None, activation))
            parameters.append(LayerParameters(cores, bias))
        network = cls(tuple(layers))
        return network, to_vector(network, parameters)


def _check_product(side: str, modes: Sequence[int], size: int) -> None:
    """Compare the product of modes with the layer's size."""
    product = math.prod(modes)
    if product != size:
        text = " x ".join(map(str, modes))
        raise UserError(
            f"the {side} modes {text} make {product}, but the layer has {size} {side}s: "
            f"choose modes whose product is {size}"
        )
