"""What a worker needs to run a cell as a task: imported there, so nothing here imports IPython, nor anything heavy."""
