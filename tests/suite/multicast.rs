//! Multicast, IPv4 and IPv6: who joined gets every datagram, and nobody else gets one.
//!
//! Each test has a network of its own with two veth interfaces, in which no other program can send or join.

use crate::support::{run, start};

/// The interface `left` has the addresses 10.1.0.1 and `fd00:1::1`, `right` has 10.2.0.1 and `fd00:2::1`; the route to
/// IPv4 groups is `left`.
const PRELUDE: &str = r#"
set -eu
ip link set lo up
side=1
for name in left right; do
    ip link add $name type veth peer name $name-far
    ip address add 10.$side.0.1/24 dev $name
    ip address add fd00:$side::1/64 dev $name nodad
    ip link set $name-far up
    ip link set $name up
    side=2
done
ip route add 224.0.0.0/4 dev left
# The kernel may notice a while after it that a link is up: until then there is no way to the groups of IPv6.
for name in left right; do
    until grep -q "^ff.* $name\$" /proc/net/ipv6_route; do sleep 0.01; done
done
ready() { while [ ! -s "$1" ]; do kill -0 $! || exit 1; sleep 0.01; done; }
# A receiver in the background, NAME OPTIONS…: what it gets is in the file NAME once it has ended.
receive() {
    name=$1
    shift
    "$SOCKKIT" udp-recv -q --lines --port-file $name.up "$@" > $name &
    ready $name.up
}
send() { "$SOCKKIT" udp-send -q "$@"; }
is() { printf "$2" | cmp - "$1"; }
refused() {
    wanted=$1
    code=0
    shift
    "$SOCKKIT" "$@" > said 2>&1 || code=$?
    test $code = $wanted || { echo "$*: code $code"; cat said; exit 1; }
}
"#;

/// Runs `script` in a network of its own; it must succeed.
#[track_caller]
fn play(script: &str) {
    let Some(mut probe) = crate::support::peer("unshare") else { return };
    let links = "ip link add x type veth peer name y";
    let allowed = run(probe.args(["-r", "-n", "sh", "-c", links]), b"").status.success();
    assert!(allowed || std::env::var_os("CI").is_none(), "network namespaces must be allowed in CI");
    let Some(mut shell) = crate::support::peer("unshare").filter(|_| allowed) else {
        eprintln!("skipped: this user may not make networks");
        return;
    };
    let directory = crate::support::directory();
    shell.args(["-r", "-n", "--pid", "--fork", "--kill-child", "bash", "-c"]).arg([PRELUDE, script].concat());
    shell.current_dir(&directory).env("SOCKKIT", env!("CARGO_BIN_EXE_sockkit"));
    let ended = start(&mut shell).end();
    assert!(ended.status.success(), "{}{}", ended.text(), ended.stderr);
}

/// Linux alone can keep the groups of others out, and join one source's.
const IS_PORTABLE: bool = cfg!(feature = "portable");

#[test]
fn every_member_gets_every_datagram_and_nobody_else_gets_one() {
    for (group, other) in [("239.1.2.3", "239.1.2.4"), ("ff15::1", "ff15::2")] {
        let stranger = if IS_PORTABLE { "" } else { "is stranger 'other\\n'" };
        play(&format!(
            "receive one --reuse-address --count 50 --join {group}%left 9001
            receive two --reuse-address --count 50 --join {group}%left 9001
            receive stranger --reuse-address --count 1 --join {other}%left 9001
            for n in $(seq 50); do send --multicast-interface left {group} 9001 $n; done
            send --multicast-interface left {other} 9001 other
            wait
            seq 50 > all; cmp all one; cmp all two; {stranger}"
        ));
    }
}

#[test]
fn who_left_gets_none() {
    for (group, wildcard) in [("239.1.2.3", "0.0.0.0"), ("ff15::1", "[::]")] {
        // Unlike one with --join, a plain socket at the wildcard gets what others on the machine joined.
        play(&format!(
            "receive stays --reuse-address --count 2 --join {group}%left 9001
            receive leaves --reuse-address --count 1 --join {group}%left 9001
            leaver=$!
            send --multicast-interface left {group} 9001 one
            wait $leaver
            send --multicast-interface left {group} 9001 two
            wait
            is stays 'one\\ntwo\\n'; is leaves 'one\\n'
            receive late --count 1 {wildcard}:9001
            send --multicast-interface left {group} 9001 three
            send localhost:9001 end
            wait
            is late 'end\\n'"
        ));
    }
}

#[test]
fn several_groups_of_both_families_on_one_socket() {
    play(
        "receive all --count 3 --join 239.1.2.3 --join 239.1.2.4%right --join ff15::1%right 9001
        send 239.1.2.3 9001 a
        send --multicast-interface right 239.1.2.4 9001 b
        send --multicast-interface right ff15::1 9001 c
        wait
        sort all > sorted; is sorted 'a\\nb\\nc\\n'",
    );
}

#[test]
fn a_group_that_is_bound_to_is_joined_through_any_interface_that_is_named() {
    // Only Linux can bind a socket to an interface.
    let (option, interface) = if IS_PORTABLE { ("", "left") } else { ("--interface right", "right") };
    play(&format!(
        "receive four --count 1 {option} 239.1.2.3 9001
        send --multicast-interface {interface} 239.1.2.3 9001 four
        receive six --count 1 ff15::1%right 9002
        send --multicast-interface right ff15::1 9002 six
        wait
        is four 'four\\n'; is six 'six\\n'"
    ));
}

#[test]
fn a_membership_of_one_source_takes_only_what_that_sends() {
    if IS_PORTABLE {
        return play(
            "refused 45 udp-recv --join 10.1.0.1@232.1.2.3 9001
            grep -q 'join the group 10.1.0.1@232.1.2.3: .*without SOURCE@' said",
        );
    }
    let cases = [
        ("-4", "232.1.2.3", "10.1.0.1", "10.1.0.2"),
        ("-n", "232.1.2.3", "10.1.0.1", "10.1.0.2"),
        ("-6", "ff35::1", "fd00:1::1", "fd00:1::2"),
    ];
    for (family, group, source, other) in cases {
        play(&format!(
            "ip address add 10.1.0.2/24 dev left; ip address add fd00:1::2/64 dev left nodad
            receive from {family} --count 2 --join {source}@{group}%left 9001
            for source in {source} {other} {source}; do
                send --source $source --multicast-interface left {group} 9001 $source
            done
            wait
            is from '{source}\\n{source}\\n'"
        ));
    }
}

#[test]
fn the_sender_chooses_the_interface_by_name_index_or_address() {
    play(
        "receive four --count 3 --join 239.1.2.3%right 9001
        index=$(cat /sys/class/net/right/ifindex 2> /dev/null || ip -o link show right | cut -d: -f1)
        send 239.1.2.3 9001 route
        for way in right $index 10.2.0.1; do send --multicast-interface $way 239.1.2.3 9001 $way; done
        receive six --count 2 --join ff15::1%right 9002
        for way in left right fd00:1::1 fd00:2::1; do send --multicast-interface $way ff15::1 9002 $way; done
        wait
        is four \"right\\n$index\\n10.2.0.1\\n\"; is six 'right\\nfd00:2::1\\n'",
    );
}

#[test]
fn without_the_loop_the_own_machine_hears_nothing() {
    for group in ["239.1.2.3", "ff15::1"] {
        play(&format!(
            "receive got --count 1 --join {group}%left 9001
            send --multicast-interface left --no-multicast-loop {group} 9001 silent
            send --multicast-interface left {group} 9001 loud
            wait
            is got 'loud\\n'"
        ));
    }
}

#[test]
fn the_time_to_live_holds_for_groups_too() {
    let ttl = "import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', 9001))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('239.1.2.3') + socket.inet_aton('10.1.0.1'))
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, 'ff15::1') + struct.pack('i', socket.if_nametoindex('left')))
s.setsockopt(socket.IPPROTO_IP, 12, 1)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
print('up', file=open('up', 'w'))
for _ in range(2):
    print(struct.unpack('i', s.recvmsg(9, 99)[1][0][2])[0], flush=True)";
    if crate::support::peer("python3").is_some() {
        play(&format!(
            "cat > ttl.py <<'END'\n{ttl}\nEND
            python3 ttl.py > ttls & ready up
            send --ttl 3 239.1.2.3 9001 x; send --ttl 7 --multicast-interface left ff15::1 9001 y
            wait
            is ttls '3\\n7\\n'"
        ));
    }
}

#[test]
fn what_would_be_ignored_or_never_heard_is_refused() {
    play(
        "refused 2 udp-send --multicast-interface left localhost 9001 x
        grep -q 'means nothing: it is no multicast group' said
        refused 2 udp-send --no-multicast-loop 10.1.0.255 9001 --broadcast x
        refused 2 udp-send --no-multicast-loop unix:/x x
        refused 2 udp-send --multicast-interface nowhere 239.1.2.3 9001 x
        refused 2 udp-send --multicast-interface 10.3.0.1 239.1.2.3 9001 x
        refused 2 udp-send --multicast-interface 'a b' 239.1.2.3 9001 x
        refused 2 udp-recv --join 239.1.2.3 127.0.0.1:0
        refused 2 udp-recv --join 239.1.2.3 239.1.2.4:0
        refused 2 udp-recv --join 239.1.2.3%nowhere 0
        refused 2 udp-recv --join 239.1.2.3 -6 0
        refused 2 udp-recv --join ff15::1 0.0.0.0:0
        refused 2 udp-recv --join 127.0.0.1 0
        refused 2 udp-recv --join 239.1.2.3 unix:/x
        refused 45 udp-recv --join 239.1.2.3 --join 239.1.2.3 0
        grep -q 'joined already' said
        ip route del 224.0.0.0/4
        refused 45 udp-recv --join 239.1.2.3 0
        grep -q -- '--join GROUP%INTERFACE' said",
    );
}
