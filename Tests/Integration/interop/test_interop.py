"""The features of the broker with the clients people use: each test runs with each client in both versions, over each
transport the client knows."""

import pytest

from client import V5, Client

only_5 = pytest.mark.parametrize("version", [5], ids=["5.0"])


@pytest.fixture
def witness(shared_broker):
    """A client that is known to be good, on the other end."""
    with Client(shared_broker, version=V5) as client:
        yield client


def test_messages_of_each_qos_go_both_ways(peer, name, witness):
    client = peer()
    client.connect(name)
    assert client.subscribe(f"{name}/in", 2) == 2
    witness.subscribe(f"{name}/out", 2)
    for qos in (0, 1, 2):
        client.publish(f"{name}/out", b"out %d" % qos, qos)
        got = witness.receive()
        assert (got.payload, got.qos) == (b"out %d" % qos, qos)
        witness.publish(f"{name}/in", b"in %d" % qos, qos)
        got = client.receive()
        assert (got["payload"], got.number("qos"), got.number("retain")) == (b"in %d" % qos, qos, 0)
    client.disconnect()


def test_a_retained_message_is_kept_until_an_empty_one(peer, name, witness, shared_broker):
    client = peer()
    client.connect(name)
    client.publish(f"{name}/state", b"kept", 1, retain=True)
    witness.subscribe(f"{name}/#", 1)
    assert (got := witness.receive()).retain and got.payload == b"kept"
    client.subscribe(f"{name}/+", 1)
    got = client.receive()
    assert (got["payload"], got.number("retain")) == (b"kept", 1)
    client.publish(f"{name}/state", b"", 1, retain=True)
    assert witness.receive().payload == b""
    client.disconnect()
    with Client(shared_broker, version=V5) as late:
        late.subscribe(f"{name}/#", 1)
        late.publish(f"{name}/end", b"end", 1)
        assert late.until(b"end") == []


def test_the_will_of_a_client_that_dies_is_published(peer, name, witness):
    witness.subscribe(f"{name}/will", 1)
    client = peer()
    client.connect(name, will=(f"{name}/will", b"gone"))
    client.subscribe(f"{name}/x")
    client.kill()
    assert witness.receive().payload == b"gone"


def test_a_lasting_session_keeps_what_came_while_the_client_was_away(peer, name, witness):
    client = peer()
    assert client.connect(name, clean=False, expiry=300) in (False, None)
    client.subscribe(f"{name}/q", 1)
    client.disconnect()
    for number in range(5):
        witness.publish(f"{name}/q", b"%d" % number, 1)
    assert client.connect(name, clean=False, expiry=300) in (True, None)
    assert [client.receive()["payload"] for _ in range(5)] == [b"%d" % number for number in range(5)]
    client.disconnect()


def test_members_of_a_shared_subscription_divide_the_messages(peer, name, witness):
    first, second = peer(), peer()
    for number, member in enumerate((first, second)):
        member.connect(f"{name}-{number}")
        member.subscribe(f"$share/group/{name}/t", 1)
    for number in range(20):
        witness.publish(f"{name}/t", b"%d" % number, 1)
    shares = [[member.receive()["payload"] for _ in range(10)] for member in (first, second)]
    assert sorted(shares[0] + shares[1], key=int) == [b"%d" % number for number in range(20)]


def test_200_kib_go_both_ways(peer, name, witness):
    client = peer()
    client.connect(name)
    client.subscribe(f"{name}/in", 1)
    witness.subscribe(f"{name}/out", 1)
    payload = bytes(range(256)) * 800
    client.publish(f"{name}/out", payload, 1)
    assert witness.receive().payload == payload
    witness.publish(f"{name}/in", payload, 1)
    assert client.receive()["payload"] == payload
    client.disconnect()


def test_topics_of_every_script(peer, name, witness):
    topic = f"{name}/Grüße/温度/сенсор/🌡"
    client = peer()
    client.connect(name)
    client.subscribe(f"{name}/+/温度/#", 1)
    witness.subscribe(f"{name}/#", 1)
    client.publish(topic, b"out", 1)
    assert (got := witness.receive()).topic == topic and got.payload == b"out"
    assert client.receive().text("topic") == topic
    client.disconnect()


@only_5
def test_properties_reach_the_receiver_as_they_were_sent(peer, name, witness):
    client = peer()
    client.connect(name)
    client.subscribe(f"{name}/in", 1)
    witness.subscribe(f"{name}/out", 1)
    client.publish(f"{name}/out", b"x", 1, response=f"{name}/answer", correlation=b"c-1", content="text/plain",
                   expiry=100, user="key=value")
    got = witness.receive().properties
    assert (got.ResponseTopic, got.CorrelationData, got.ContentType) == (f"{name}/answer", b"c-1", "text/plain")
    assert got.UserProperty == [("key", "value")] and 98 <= got.MessageExpiryInterval <= 100
    witness.publish(f"{name}/in", b"y", 1, ResponseTopic=f"{name}/answer", CorrelationData=b"c-2",
                    ContentType="text/plain", MessageExpiryInterval=100, UserProperty=("key", "value"))
    got = client.receive()
    assert (got.text("response"), got["correlation"], got.text("content")) == (f"{name}/answer", b"c-2", "text/plain")
    assert got.text("user") == "key=value" and 98 <= got.number("expiry") <= 100
    client.disconnect()


@only_5
def test_a_request_is_answered_where_it_asks_for(peer, name):
    asker, server = peer(), peer()
    server.connect(f"{name}-server")
    server.subscribe(f"{name}/ask", 1)
    asker.connect(f"{name}-asker")
    asker.subscribe(f"{name}/answers", 1)
    asker.publish(f"{name}/ask", b"2+2", 1, response=f"{name}/answers", correlation=b"77")
    question = server.receive()
    server.publish(question.text("response"), b"4", 1, correlation=question["correlation"])
    answer = asker.receive()
    assert (answer["payload"], answer["correlation"]) == (b"4", b"77")


@only_5
def test_a_topic_alias_stands_for_its_topic(peer, name, kind, witness):
    client = peer()
    if "alias" in client.cannot:
        pytest.skip(f"{kind} sends no topic alias")
    client.connect(name)
    witness.subscribe(f"{name}/t", 1)
    client.publish(f"{name}/t", b"named", 1, alias=3)
    client.publish("", b"by alias", 1, alias=3)
    for payload in (b"named", b"by alias"):
        assert (got := witness.receive()).payload == payload and got.topic == f"{name}/t"
    client.disconnect()
