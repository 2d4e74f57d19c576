from nbflow.parsl.concurrent import ParslPoolExecutor
from nbflow.parsl.configs.htex_local import config


def generate(limit):
    from random import randint

    return randint(1, limit)


with ParslPoolExecutor(config) as pool:
    outputs = pool.map(generate, range(1, 5))

print(list(outputs))
