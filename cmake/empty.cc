// Nothing: the source of a room that has only headers yet.
