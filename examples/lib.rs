//! Small programs with embus inside; each file of `examples/` is one.
