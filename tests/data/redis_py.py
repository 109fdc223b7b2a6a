"""Uses a server as programs written with redis-py do. Argument: the port on the loopback interface."""

import sys
import threading
import time

import redis

PORT = int(sys.argv[1])
MAJOR = int(redis.__version__.split(".")[0])


def connect(protocol, **options):
    # Before version 5 redis-py knew RESP2 alone; from 8 on RESP3 is the default.
    if MAJOR >= 5:
        options["protocol"] = protocol
    return redis.Redis(port=PORT, socket_timeout=20, **options)


def fails(kind, text, function, *args, **options):
    try:
        function(*args, **options)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}: {text}")


def strings(r):
    assert r.set("s", b"\x00\xff\r\n")
    assert r.get("s") == b"\x00\xff\r\n"
    assert r.get("nokey") is None
    assert r.set("s", "new", nx=True) is None
    assert r.set("s", "new", get=True) == b"\x00\xff\r\n"
    assert r.mset({"a": 1, "b": 2.5}) and r.mget("a", "nokey", "b") == [b"1", None, b"2.5"]
    assert r.incrby("a", 41) == 42 and r.incrbyfloat("b", 0.25) == 2.75
    assert r.set("t", "x", ex=100) and 0 < r.ttl("t") <= 100
    assert r.pexpire("t", 100000) and 0 < r.pttl("t") <= 100000 and r.persist("t")
    assert r.type("s") == b"string" and r.exists("s", "t", "nokey") == 2
    big = b"x" * (1 << 20)
    assert r.set("big", big) and r.get("big") == big and r.strlen("big") == len(big)
    assert r.unlink("big") == 1 and r.delete("s", "nokey") == 1
    fails(redis.ResponseError, "not an integer", r.incr, "t")


def collections(r):
    assert r.rpush("l", *range(10)) == 10
    assert r.lrange("l", 0, 2) == [b"0", b"1", b"2"] and r.lpos("l", 7) == 7
    assert r.lmove("l", "m") == b"0" and r.lpop("l", 2) == [b"1", b"2"]
    assert r.hset("h", mapping={"f": "v", "g": 2}) == 2
    assert r.hgetall("h") == {b"f": b"v", b"g": b"2"} and r.hmget("h", "f", "x") == [b"v", None]
    assert r.sadd("x", "a", "b", "c") == 3 and r.sadd("y", "b", "c", "d") == 3
    assert r.sinter("x", "y") == {b"b", b"c"} and r.smismember("x", ["a", "d"]) == [1, 0]
    assert r.zadd("z", {"one": 1, "two": 2.5, "three": 3}) == 3
    assert r.zadd("z", {"one": 5}, incr=True) == 6.0
    assert r.zscore("z", "two") == 2.5 and r.zrank("z", "two") == 0
    # Pairs are tuples in RESP2, lists in RESP3.
    pairs = [tuple(pair) for pair in r.zrange("z", 0, -1, withscores=True)]
    assert pairs == [(b"two", 2.5), (b"three", 3.0), (b"one", 6.0)]
    popped = [tuple(pair) for pair in r.zpopmin("z", 2)]
    assert popped == [(b"two", 2.5), (b"three", 3.0)]
    assert r.sort("x", alpha=True, desc=True) == [b"c", b"b", b"a"]
    fails(redis.ResponseError, "WRONGTYPE", r.lpush, "h", "x")


def pipelines(r):
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.set(f"p:{n}", n)
            pipe.get(f"p:{n}")
        answers = pipe.execute()
    assert answers[0::2] == [True] * 1000
    assert answers[1::2] == [str(n).encode() for n in range(1000)]
    with r.pipeline() as pipe:
        answers = pipe.set("a", "x").lpush("a", "y").get("a").execute(raise_on_error=False)
    assert answers[0] is True and answers[2] == b"x"
    assert isinstance(answers[1], redis.ResponseError)


def transactions(r):
    r.set("balance", 100)
    with r.pipeline() as pipe:
        pipe.watch("balance")
        balance = int(pipe.get("balance"))
        pipe.multi()
        pipe.set("balance", balance - 30)
        pipe.incr("withdrawals")
        assert pipe.execute() == [True, 1]
    with r.pipeline() as pipe:
        pipe.watch("balance")
        r.set("balance", 1)
        pipe.multi()
        pipe.set("balance", 2)
        fails(redis.WatchError, "", pipe.execute)
    assert r.get("balance") == b"1"
    raised = r.transaction(lambda pipe: pipe.multi() or pipe.incr("balance"), "balance")
    assert raised == [2]


def pubsub(r):
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    listener.psubscribe("n*")
    for _ in range(2):
        assert listener.get_message(timeout=5) is None
    assert r.publish("news", "hello") == 2
    messages = [listener.get_message(timeout=5) for _ in range(2)]
    assert [message["type"] for message in messages] == ["message", "pmessage"]
    assert all(message["data"] == b"hello" for message in messages)
    assert messages[1]["pattern"] == b"n*"
    assert r.pubsub_channels() == [b"news"] and r.pubsub_numpat() == 1
    assert [tuple(pair) for pair in r.pubsub_numsub("news")] == [(b"news", 1)]
    listener.unsubscribe()
    listener.punsubscribe()
    listener.close()


def blocking(r):
    assert r.blpop("empty", timeout=0.05 if MAJOR >= 5 else 1) is None
    threads = []
    for function, key, give, expected in (
        (r.blpop, "bl", lambda: r.rpush("bl", "x"), (b"bl", b"x")),
        (r.bzpopmin, "bz", lambda: r.zadd("bz", {"m": 1.5}), (b"bz", b"m", 1.5)),
    ):
        giver = threading.Timer(0.05, give)
        giver.start()
        threads.append(giver)
        assert tuple(function(key, timeout=10)) == expected
    giver = threading.Timer(0.05, lambda: r.rpush("from", "x"))
    giver.start()
    threads.append(giver)
    assert r.blmove("from", "to", 10) == b"x"
    for thread in threads:
        thread.join()


def scans(r):
    r.mset({f"scan:{n}": n for n in range(500)})
    assert {bytes(key) for key in r.scan_iter("scan:*", count=50)} == {f"scan:{n}".encode() for n in range(500)}
    assert set(r.scan_iter(_type="hash")) == {b"h"}
    for n in range(1000):
        r.hset("hs", f"f{n}", n)
    r.sadd("ss", *range(1000))
    r.zadd("zs", {f"m{n}": n for n in range(1000)})
    assert len(dict(r.hscan_iter("hs"))) == 1000
    assert len(set(r.sscan_iter("ss"))) == 1000
    assert {member: score for member, score in r.zscan_iter("zs")}[b"m7"] == 7.0


def many_threads(r):
    def work():
        for _ in range(200):
            r.incr("shared")

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert r.get("shared") == b"3200"


def connections(r, protocol):
    named = connect(protocol, client_name="named", decode_responses=True, db=3)
    assert named.client_getname() == "named" and named.set("k", "ü") and named.get("k") == "ü"
    assert r.get("k") is None
    mine = [client for client in named.client_list() if client["name"] == "named"]
    assert len(mine) == 1 and mine[0]["db"] == "3"
    # A connection that was killed is opened again.
    assert r.client_kill_filter(_id=mine[0]["id"]) == 1
    time.sleep(0.05)
    assert named.get("k") == "ü"
    named.flushdb()
    named.close()


def administration(r):
    assert r.ping() and r.echo("x") == b"x"
    assert r.dbsize() == len(r.keys())
    assert r.config_get("maxmemory*")["maxmemory"] == "0"
    assert r.config_set("hz", 20) and r.config_get("hz") == {"hz": "20"}
    assert abs(r.time()[0] - time.time()) < 60
    assert r.memory_usage("h") > 0 and r.object("encoding", "h") == b"listpack"
    assert "zadd" in r.command() and r.command_count() == len(r.command())
    assert r.command_getkeys("MSET", "a", "1", "b", "2") in ([b"a", b"b"], ["a", "b"])
    info = r.info()
    assert int(info["redis_version"].split(".")[0]) >= 7 and info["role"] == "master"
    assert info["db0"]["keys"] == r.dbsize() and info["used_memory"] > 0
    assert r.info("clients")["connected_clients"] >= 1
    assert r.slowlog_len() >= 0 and isinstance(r.slowlog_get(), list)
    assert r.swapdb(0, 1) and r.dbsize() == 0 and r.swapdb(0, 1)
    assert r.flushall() and r.dbsize() == 0


def main():
    for protocol in (2, 3) if MAJOR >= 5 else (2,):
        r = connect(protocol)
        r.flushall()
        for part in (strings, collections, pipelines, transactions, pubsub, blocking, scans, many_threads):
            part(r)
        connections(r, protocol)
        administration(r)
        print(f"redis-py {redis.__version__}, RESP{protocol}")
    print("all went well")


main()
