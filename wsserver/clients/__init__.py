"""ONE LIFE: the state machine of one client, from accept to burial."""
