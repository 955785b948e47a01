"""Networks as floats: layers, tensor-train cores, contraction orders, parameter vectors."""
