"""Keys for teachers' servers: which goes where, those kept on this machine, and their hosts."""
