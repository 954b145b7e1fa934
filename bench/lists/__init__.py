"""Lists as servers have them, listed over and over in virtual time: what is claimed, and what is true."""
