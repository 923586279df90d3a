"""What is kept how long and why, and one person's data in it: pure, as a table of promises and functions over what the tables hold."""
