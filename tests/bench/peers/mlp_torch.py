"""The work of ../mlp.c by PyTorch: the same networks, batches, optimizers and number of steps.
Prints one line of JSON with the same keys.

    mlp_torch.py [--case fashion|tiny1|tiny32|big] [--optimizer sgd|adam] [--type f32|f64]
                 [--threads N] [--seconds S]
"""
import argparse
import json
import math
import os
import re
import time

# Widths, examples a batch, steps a round, momentum, activation.
WORKS = {
    'fashion': ([784, 128, 64, 10], 64, 938, 0.9, 'ReLU'),
    'tiny1': ([2, 16, 16, 1], 1, 20000, 0, 'Tanh'),
    'tiny32': ([2, 16, 16, 1], 32, 5000, 0, 'Tanh'),
    'big': ([784, 2048, 2048, 10], 256, 8, 0, 'ReLU'),
}
BATCHES = 16

parser = argparse.ArgumentParser()
parser.add_argument('--case', choices=WORKS, default='fashion')
parser.add_argument('--optimizer', choices=['sgd', 'adam'], default='sgd')
parser.add_argument('--type', choices=['f32', 'f64'], default='f32')
parser.add_argument('--threads', type=int, default=1)
parser.add_argument('--seconds', type=float, default=1)
options = parser.parse_args()

# OpenBLAS reads this when it is loaded, so it stands before the import.
os.environ['OPENBLAS_NUM_THREADS'] = str(options.threads)
import torch


def create_network(widths, activation, dtype):
    layers = []
    for count, width in zip(widths, widths[1:]):
        layer = torch.nn.Linear(count, width, dtype=dtype)
        torch.nn.init.normal_(layer.weight, std=math.sqrt(2 / count))
        torch.nn.init.zeros_(layer.bias)
        layers += [layer, getattr(torch.nn, activation)()]
    return torch.nn.Sequential(*layers[:-1])


def create_optimizer(parameters, momentum):
    if options.optimizer == 'adam':  # foreach is its faster form; with SGD there is no difference
        return torch.optim.Adam(parameters, lr=1e-4, foreach=True)
    return torch.optim.SGD(parameters, lr=1e-3, momentum=momentum)


def measure(widths, batch, steps, momentum, activation):
    """The seconds of the fastest round, and the loss of the last step, which is read only there."""
    dtype = torch.float32 if options.type == 'f32' else torch.float64
    network = create_network(widths, activation, dtype)
    optimizer = create_optimizer(network.parameters(), momentum)
    inputs = torch.rand(BATCHES, batch, widths[0], dtype=dtype).unbind()
    if activation == 'ReLU':
        answers = torch.randint(widths[-1], (BATCHES, batch)).unbind()
        loss_of = torch.nn.functional.cross_entropy
    else:
        answers = torch.rand(BATCHES, batch, widths[-1], dtype=dtype).unbind()
        loss_of = torch.nn.functional.mse_loss
    best, rounds, begin = math.inf, 0, time.perf_counter()
    while rounds < 3 or time.perf_counter() - begin < options.seconds:
        started = time.perf_counter()
        for i in range(steps):
            loss = loss_of(network(inputs[i % BATCHES]), answers[i % BATCHES])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        best = min(best, time.perf_counter() - started)
        rounds += 1
    return best, loss.item()


def found(pattern, text):
    match = re.search(pattern, text)
    return match[1] if match else 'unknown'


def contents(path):
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except OSError:
        return ''


def rounded(number, digits):
    return float(f'{number:.{digits}g}')


torch.manual_seed(1)
torch.set_num_threads(options.threads)
_, size, count, _, _ = WORKS[options.case]
seconds, last_loss = measure(*WORKS[options.case])
build = torch.__config__.show()
level = found(r'CPU capability usage: (.*)', build)
blas = found(r'/(lib\w*blas[^/\n]*)', contents('/proc/self/maps'))
print(json.dumps({
    'engine': 'torch ' + torch.__version__.split('+')[0],
    'case': options.case,
    'optimizer': options.optimizer,
    'type': options.type,
    'threads': options.threads,
    'step_us': rounded(seconds / count * 1e6, 4),
    'round_s': rounded(seconds, 4),
    'samples_per_s': rounded(count * size / seconds, 5),
    'loss': rounded(last_loss, 6),
    'compiler': 'gcc ' + found(r'GCC ([\d.]+)', build),
    'flags': f'{level}, {blas}',
    'cpu': found(r'model name\s*: (.*)', contents('/proc/cpuinfo'))}))
raise SystemExit(not math.isfinite(last_loss))
