import nbflow.parsl as parsl
from nbflow.parsl import python_app

parsl.load()


@python_app
def app_double(x):
    return x * 2


@python_app
def app_sum(inputs):
    return sum(inputs)


items = range(0, 4)

mapped_results = []
for i in items:
    x = app_double(i)
    mapped_results.append(x)

total = app_sum(inputs=mapped_results)

print(total.result())
