"""Steps of training beside PyTorch: runs bench_mlp and, where torch is installed, mlp_torch.py by
turns, and prints one table with the best of each.

    mlp.py BENCH_MLP [--case NAME ..] [--optimizer sgd|adam ..] [--type f32|f64] [--threads N]
           [--rounds N] [--seconds S] [--python PYTHON]

--python is the interpreter that has torch, if it is not the one that runs this. In the table: `us`,
microseconds a step; `ratio`, the peer's time over ours; `n/s`, examples a second.
"""
import argparse
import json
import os
import subprocess
import sys

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mlp_torch.py')
COLUMNS = '{:8} {:9} {:>14} {:>14} {:>8} {:>14} {:>14}'


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('bench_mlp')
    parser.add_argument('--case', nargs='+', default=['fashion', 'tiny1', 'tiny32', 'big'])
    parser.add_argument('--optimizer', nargs='+', default=['sgd', 'adam'])
    parser.add_argument('--type', default='f32')
    parser.add_argument('--threads', type=int)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=1)
    parser.add_argument('--python', default=sys.executable)
    return parser.parse_args()


def has_torch(python):
    return subprocess.run([python, '-c', 'import torch'], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def run(command):
    """What a benchmark prints. One that fails ends the comparison."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, encoding='utf-8')
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)} failed: {done.stdout}')
    return json.loads(done.stdout)


def best_of(engines, arguments, rounds):
    """The fastest result of each engine; they take turns, so that both meet the same weather."""
    best = [None] * len(engines)
    for _ in range(rounds):
        for i, engine in enumerate(engines):
            result = run(engine + arguments)
            if not best[i] or result['step_us'] < best[i]['step_us']:
                best[i] = result
    return best


def numbers(results):
    """The table's numbers: times, their ratio, samples a second; dashes without a peer."""
    ours = results[0]
    theirs = results[1] if len(results) > 1 else None
    return [f"{ours['step_us']:.4g}",
            f"{theirs['step_us']:.4g}" if theirs else '-',
            f"{theirs['step_us'] / ours['step_us']:.3g}" if theirs else '-',
            f"{ours['samples_per_s']:.0f}",
            f"{theirs['samples_per_s']:.0f}" if theirs else '-']


def main():
    options = parse()
    engines = [[options.bench_mlp]]
    if has_torch(options.python):
        engines.append([options.python, PEER])
    else:
        print(f'{options.python} has no torch: reelgrad alone')
    shared = ['--type', options.type, '--seconds', str(options.seconds)]
    if options.threads:
        shared += ['--threads', str(options.threads)]
    print(COLUMNS.format('case', 'optimizer', 'reelgrad us', 'torch us', 'ratio', 'reelgrad n/s',
                         'torch n/s'))
    results = []
    for case in options.case:
        for optimizer in options.optimizer:
            arguments = ['--case', case, '--optimizer', optimizer] + shared
            results = best_of(engines, arguments, options.rounds)
            print(COLUMNS.format(case, optimizer, *numbers(results)), flush=True)
    for result in results:
        print(f"{result['engine']}: {result['type']}, threads {result['threads']}, "
              f"{result['compiler']}, {result['flags']}")
    print(f"cpu: {results[0]['cpu']}")


if __name__ == '__main__':
    main()
