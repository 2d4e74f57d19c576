import nbflow.parsl as parsl
from nbflow.parsl import bash_app, python_app

parsl.load()


@python_app
def generate(limit):
    from random import randint

    return randint(1, limit)


@bash_app
def save(message, outputs):
    return 'echo {} &> {}'.format(message, outputs[0])


message = generate(10)

saved = save(message, outputs=['output.txt'])

with open(saved.outputs[0].result(), 'r') as f:
    print(f.read())
