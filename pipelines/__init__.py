"""Steps of the night. Each reads tables, makes one pure call, writes tables, and returns a small frozen report."""
