"""On which ports: by number, by range, by a name that each pod gives to another number."""
