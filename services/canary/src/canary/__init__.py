"""The canary: an event goes in at the public door every few seconds, and is looked for at the other one."""
