import nbflow.parsl as parsl
from nbflow.parsl import python_app

parsl.load()


@python_app
def app_random():
    import random

    return random.random()


results = []
for i in range(0, 10):
    x = app_random()
    results.append(x)

for r in results:
    print(r.result())
