"""Where the rooms meet and side effects live: train, evaluate, classify, compare; and MLflow, which only this room
imports (in functions, so that the command line starts fast)."""
