"""Uses a cluster as programs written with redis-py do. Argument: the port of one node on the loopback interface."""

import sys
import threading
import time

import redis
from redis.cluster import ClusterNode, RedisCluster

PORT = int(sys.argv[1])
MAJOR = int(redis.__version__.split(".")[0])
KEYS = 1000


def connect(protocol, **options):
    # Before version 5 redis-py knew RESP2 alone; from 8 on RESP3 is the default.
    if MAJOR >= 5:
        options["protocol"] = protocol
    nodes = [ClusterNode("127.0.0.1", PORT)]
    return RedisCluster(startup_nodes=nodes, socket_timeout=20, **options)


def fails(kind, text, function, *args, **options):
    try:
        function(*args, **options)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}: {text}")


def shape(r):
    primaries, replicas = r.get_primaries(), r.get_replicas()
    assert len(primaries) == 3 and len(replicas) == 3, (primaries, replicas)
    assert r.ping(target_nodes=RedisCluster.ALL_NODES)
    for node in r.get_nodes():
        assert r.cluster_info(target_nodes=node)["cluster_state"] == "ok"
        assert len(r.cluster_nodes()) == 6
    assert len(r.cluster_slots()) >= 3
    assert r.keyslot("foo{bar}x") == r.cluster_keyslot("foo{bar}x") == 5061
    # The node that a key is looked for at is the one that has it.
    for n in range(50):
        r.set(f"at:{n}", n)
        owner = r.get_node_from_key(f"at:{n}")
        direct = redis.Redis(host=owner.host, port=owner.port)
        assert direct.get(f"at:{n}") == str(n).encode()
        direct.close()


def strings(r):
    for n in range(KEYS):
        assert r.set(f"s:{n}", n)
    assert all(r.get(f"s:{n}") == str(n).encode() for n in range(KEYS))
    assert r.mset_nonatomic({f"m:{n}": n for n in range(100)})
    assert r.mget_nonatomic([f"m:{n}" for n in range(100)]) == [str(n).encode() for n in range(100)]
    assert r.mset({"{t}a": 1, "{t}b": 2}) and r.mget("{t}a", "{t}b") == [b"1", b"2"]
    fails(redis.exceptions.RedisClusterException, "must map to the same", r.mset, {"a": 1, "b": 2})
    assert r.dbsize(target_nodes=RedisCluster.PRIMARIES) > KEYS
    assert r.delete("m:0", "m:1", "m:2", "no") == 3 and r.exists("m:3", "m:4", "no") == 2


def collections(r):
    assert r.hset("h", mapping={"f": 1, "g": 2}) == 2 and r.hgetall("h") == {b"f": b"1", b"g": b"2"}
    assert r.rpush("{l}1", 1, 2, 3) == 3 and r.lmove("{l}1", "{l}2") == b"1"
    assert r.sadd("{u}1", 1, 2) == 2 and r.sadd("{u}2", 2, 3) == 2
    assert r.sinter("{u}1", "{u}2") == {b"2"} and r.sunionstore("{u}3", "{u}1", "{u}2") == 3
    assert r.zadd("z", {"a": 1, "b": 2}) == 2 and r.zrange("z", 0, -1, withscores=True) == [(b"a", 1.0), (b"b", 2.0)]


def pipelines(r):
    with r.pipeline() as pipe:
        for n in range(KEYS):
            pipe.set(f"p:{n}", n).incr(f"p:{n}")
        answers = pipe.execute()
    assert len(answers) == 2 * KEYS and answers[1::2] == list(range(1, KEYS + 1))
    with r.pipeline() as pipe:
        pipe.set("text", "x").incr("text")
        answers = pipe.execute(raise_on_error=False)
    assert answers[0] is True and isinstance(answers[1], redis.ResponseError)


def transactions(r):
    """Of one slot, with the plain client of its node: RedisCluster of these versions has none."""
    owner = r.get_node_from_key("{tx}")
    node = redis.Redis(host=owner.host, port=owner.port)
    with node.pipeline(transaction=True) as pipe:
        pipe.set("{tx}a", 1).incr("{tx}a").incrby("{tx}b", 5)
        assert pipe.execute() == [True, 2, 5]
    with node.pipeline(transaction=True) as pipe:
        pipe.watch("{tx}a")
        node.set("{tx}a", 9)
        pipe.multi()
        pipe.get("{tx}a")
        fails(redis.WatchError, "", pipe.execute)
    elsewhere = next(f"e{n}" for n in range(100) if r.get_node_from_key(f"e{n}") != owner)
    with node.pipeline(transaction=True) as pipe:
        pipe.set(elsewhere, 1)
        fails(redis.ResponseError, "MOVED", pipe.execute)
    node.close()


def replicas(protocol):
    reading = connect(protocol, read_from_replicas=True)
    assert reading.set("r", "1")
    for _ in range(20):
        deadline = time.monotonic() + 20
        while reading.get("r") != b"1":
            assert time.monotonic() < deadline, "a replica has not what its primary has"
    reading.close()


def scans(r):
    found = set(r.scan_iter("s:*"))
    assert found == {f"s:{n}".encode() for n in range(KEYS)}
    assert len(r.keys("s:*", target_nodes=RedisCluster.PRIMARIES)) == KEYS


def publishes(r):
    subscriber = r.pubsub()
    subscriber.subscribe("channel")
    assert subscriber.get_message(timeout=20)["type"] == "subscribe"
    node = subscriber.node
    direct = redis.Redis(host=node.host, port=node.port)
    assert direct.publish("channel", "x") >= 1
    direct.close()
    message = subscriber.get_message(timeout=20)
    assert message and message["data"] == b"x", message
    subscriber.close()


def many_threads(r):
    def work(number):
        for n in range(200):
            r.incr(f"counter:{n % 20}")
            assert r.set(f"thread:{number}:{n}", n)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sum(int(r.get(f"counter:{n}")) for n in range(20)) == 8 * 200


def main():
    for protocol in (2, 3) if MAJOR >= 5 else (2,):
        r = connect(protocol)
        r.flushall(target_nodes=RedisCluster.PRIMARIES)
        for part in (shape, strings, collections, pipelines, transactions, scans, publishes, many_threads):
            part(r)
        replicas(protocol)
        r.close()
        print(f"redis-py {redis.__version__}, RESP{protocol}")
    print("all went well")


main()
