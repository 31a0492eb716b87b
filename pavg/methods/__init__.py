"""When learners step and when they combine: one file a method."""
