import numpy as np
import pytest

from tenzo.sim.amaranth_transport import AmaranthTransport
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.planning.planner import plan

ENGINE = EngineParameters(
    lane_count=2, lane_depth=16, weight_depth=16, bias_depth=16, stage_slots=2, result_depth=2
)


@pytest.mark.slow
def test_engine_in_amaranths_simulator_returns_the_golden_integers():
    network = Network((Layer(4, 2, Dense(), bias=True),))
    random = np.random.default_rng(5)
    parameters = random.integers(-9999, 9999, network.parameter_count)
    samples = random.integers(-9999, 9999, (3, 4))
    queries = [Query(), Query(1, 77, 100), Query(-1, 77, 100)]
    transport = AmaranthTransport(ENGINE)
    found = []
    for device in (GoldenDevice(ENGINE), PacketDevice(ENGINE, transport, "amaranth")):
        device.load_program(plan(network, ENGINE).program)
        device.write_parameters(parameters)
        outputs = np.zeros((len(queries), 3, 2), np.int64)
        for part in device.evaluate(samples, queries):
            last = part.first_sample + len(part.outputs_raw)
            outputs[part.query, part.first_sample : last] = part.outputs_raw
        found.append(outputs)
    assert np.array_equal(found[0], found[1])
    assert transport.cycles > 100
