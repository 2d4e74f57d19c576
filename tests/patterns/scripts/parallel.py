import nbflow.parsl as parsl
from nbflow.parsl import python_app

parsl.load()


@python_app
def wait_sleep_double(x, foo_1, foo_2):
    import time

    time.sleep(2)
    return x * 2


doubled_x = wait_sleep_double(10, None, None)
doubled_y = wait_sleep_double(10, None, None)

doubled_z = wait_sleep_double(10, doubled_x, doubled_y)

print(doubled_z.result())
