import nbflow.parsl as parsl
from nbflow.parsl import bash_app, python_app

parsl.load()


@bash_app
def generate(outputs):
    return 'echo $(( RANDOM % (10 - 5 + 1 ) + 5 )) &> {}'.format(outputs[0])


@bash_app
def concat(inputs, outputs, stdout='stdout.txt', stderr='stderr.txt'):
    return 'cat {0} >> {1}'.format(' '.join(inputs), outputs[0])


@python_app
def total(inputs):
    total = 0
    with open(inputs[0].filepath, 'r') as f:
        for l in f:
            total += int(l)
    return total


output_files = []
for i in range(5):
    output_files.append(generate(outputs=['random-%s.txt' % i]))

cc = concat(inputs=[i.outputs[0] for i in output_files], outputs=['all.txt'])

totals = total(inputs=[cc.outputs[0]])

print(totals.result())
