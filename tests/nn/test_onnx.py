"""Networks written as ONNX are well-formed in the eyes of Debian's python3-onnx, and give what the
library gives when numpy evaluates their graphs.

Usage: test_onnx.py PROGRAM, which writes networks into a folder. Skipped where the packages are
missing; they may be there for the system's python3 only.
"""
import math
import os
import subprocess
import sys
import tempfile

SKIP = 77  # meson's exit status for a test that could not be run
SYSTEM = '/usr/bin/python3'

try:
    import numpy
    import onnx.checker
    import onnx.helper
    import onnx.mapping
    import onnx.numpy_helper
except ImportError:
    if os.path.exists(SYSTEM) and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM):
        os.execv(SYSTEM, [SYSTEM, '-B'] + sys.argv)
    print('python3-onnx is not installed')
    sys.exit(SKIP)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def mean(x, axes):
    return numpy.mean(x, axis=tuple(axes), keepdims=True)


OPERATORS = {
    'Gemm': lambda x, w, b=0, transB=0: x @ (w.T if transB else w) + b,
    'Identity': lambda x: x,
    'Sigmoid': sigmoid,
    'Tanh': numpy.tanh,
    'Relu': lambda x: numpy.maximum(x, 0),
    'LeakyRelu': lambda x, alpha: numpy.where(x < 0, alpha * x, x),
    'Elu': lambda x, alpha: numpy.where(x < 0, alpha * numpy.expm1(x), x),
    'Softplus': lambda x: numpy.logaddexp(x, 0),
    'Erf': lambda x: numpy.vectorize(math.erf)(x),
    'Sqrt': numpy.sqrt,
    'Add': lambda x, y: x + y,
    'Sub': lambda x, y: x - y,
    'Mul': lambda x, y: x * y,
    'Div': lambda x, y: x / y,
    'ReduceMean': mean,
    'BatchNormalization': lambda x, scale, bias, center, variance, epsilon:
        (x - center) / numpy.sqrt(variance + epsilon) * scale + bias,
}


def evaluate(graph, x):
    """The graph's output for the input x, in float64."""
    values = {tensor.name: onnx.numpy_helper.to_array(tensor).astype(float)
              for tensor in graph.initializer}
    values['input'] = x.astype(float)
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type](*[values[name] for name in node.input],
                                                         **attributes)
    return values['output']


def port(value):
    """Name, type and dimensions of an input or output."""
    tensor = value.type.tensor_type
    dims = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return value.name, onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[tensor.elem_type], dims


def check(folder, number):
    model = onnx.load(f'{folder}/{number}.onnx')
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    x, y = (numpy.load(f'{folder}/{number}.{name}.npy') for name in 'xy')
    assert model.opset_import[0].version == 13, model.opset_import
    assert [port(value) for value in graph.input] == [('input', x.dtype, ['batch', 3])]
    assert [port(value) for value in graph.output] == [('output', y.dtype, ['batch', 2])]
    tolerance = 1e-6 if x.dtype == numpy.float64 else 2e-5  # attributes are float32 in either case
    got = evaluate(graph, x)
    assert got.shape == y.shape == (5, 2)
    assert numpy.allclose(got, y, rtol=tolerance, atol=tolerance), (number, got, y)
    return {node.op_type for node in graph.node}


with tempfile.TemporaryDirectory() as folder:
    count = int(subprocess.run([sys.argv[1], folder], check=True, capture_output=True).stdout)
    seen = set()
    for i in range(count):
        seen |= check(folder, i)
assert count > 0
assert seen == set(OPERATORS), set(OPERATORS) ^ seen
print(f'{count} networks with {len(seen)} operators')
