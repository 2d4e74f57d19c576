import os
from functools import lru_cache

import nbflow.parsl as parsl
from nbflow.parsl import python_app

parsl.load()


@lru_cache(maxsize=1)
def initialize(model_id):
    with open('initialized.txt', 'a') as f:
        f.write('%s %s\n' % (os.getpid(), model_id))
    return model_id


@python_app
def predict(model_id, x):
    weights = initialize(model_id)
    return os.getpid(), x + weights


predictions = [predict(1, x).result() for x in range(20)]

print([value for pid, value in predictions])
print(len({pid for pid, value in predictions}))
