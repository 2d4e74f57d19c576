import nbflow.parsl as parsl
from nbflow.parsl import python_app

parsl.load()


@python_app
def generate(limit):
    from random import randint

    return randint(1, limit)


rand_nums = []
for i in range(1, 5):
    rand_nums.append(generate(i))

outputs = [r.result() for r in rand_nums]
print(outputs)
