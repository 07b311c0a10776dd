"""TCP, UDP and SCTP are told apart, also on the same port number."""
