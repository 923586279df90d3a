"""Statistics that merge: a reading is None while too little is known."""
