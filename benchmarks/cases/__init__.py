"""The cases of `./dev bench`: each has a name, a reason to be measured, and a function that measures it."""
