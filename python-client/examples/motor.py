"""A motor that nobody else may drive meanwhile; when this program dies, it stops."""

from gpio_gatekeeper import GatekeeperError, connect

with connect() as gate:
    motor = gate.device("motor")
    with gate.lease("motor", seconds=10) as lease:
        try:
            print("it goes", motor.forward().state, "under the lease", lease.token)
            print("it is", motor.stop().state)
        except GatekeeperError as error:
            print(error.code, error.message, error.outcome)
