// Runs Azurite until standard input closes, so that it dies with its parent however that dies. Arguments are Azurite's own.
"use strict";
process.stdin.on("end", () => {
  process.kill(process.pid, "SIGTERM"); // Azurite's own orderly stop: it writes its state to disk
  setTimeout(() => process.exit(0), 5000).unref(); // a client that keeps its connection open must not keep us alive
});
process.stdin.resume();
require("azurite/dist/src/azurite.js");
