//! Clients beyond what the system permits are told so instead of waiting for ever.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use almandine_tests::process::{Running, Server, Start, StartError, build};
use almandine_tests::resp::{Client, Value};

/// Starts the node with limits of open files that a shell sets.
fn start(name: &str, limits: &str, args: &[&str]) -> Result<Running, StartError> {
    // The node is known by its name.
    let dir = build::scratch_dir().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory for the script");
    let script: PathBuf = dir.join("almandine");
    let text = format!(
        "#!/bin/sh\n{limits}\nexec '{}' \"$@\"\n",
        build::almandine().display()
    );
    fs::write(&script, text).expect("the script is written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("the script may be run");
    let started = Start::new(Server::at(&script)).args(args).run();
    fs::remove_dir_all(&dir).expect("the script is removed");
    started
}

fn maxclients(client: &mut Client) -> String {
    let reply = client.line("CONFIG GET maxclients").expect("CONFIG GET");
    let pair = reply.elements().expect("a pair");
    pair[1].text().expect("a number")
}

#[test]
fn a_limit_that_may_be_raised_is_raised() {
    let node =
        start("raised", "ulimit -Sn 150", &["--maxclients", "300"]).expect("the node starts");
    let mut crowd: Vec<Client> = (0..300).map(|_| node.client()).collect();
    for client in &mut crowd {
        assert_eq!(
            client.line("PING").expect("PING").text().as_deref(),
            Some("PONG")
        );
    }
    assert_eq!(maxclients(&mut crowd[0]), "300");
    assert!(!node.log().contains("maxclients"), "{}", node.log());
}

#[test]
fn maxclients_is_lowered_where_the_limit_is_firm() {
    let node = start("firm", "ulimit -n 150", &[]).expect("the node starts");
    let mut first = node.client();
    assert_eq!(maxclients(&mut first), "22");
    assert!(
        node.log()
            .contains("You requested maxclients of 10000 requiring at least 10128"),
        "{}",
        node.log()
    );
    let _crowd: Vec<Client> = (1..22).map(|_| node.client()).collect();
    let mut beyond = node.client();
    let refusal = beyond.until_closed().expect("the node closes");
    assert_eq!(
        refusal,
        [Value::Error(b"ERR max number of clients reached".to_vec())]
    );
    let more = first.line("CONFIG SET maxclients 23").expect("CONFIG SET");
    assert_eq!(
        more.text().as_deref(),
        Some(
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle \
             the specified number of clients, try with 22"
        )
    );
    assert_eq!(
        first.line("CONFIG SET maxclients 10").expect("CONFIG SET"),
        Value::ok()
    );
}

#[test]
fn without_room_for_anybody_the_node_does_not_start() {
    match start("none", "ulimit -n 100", &[]) {
        Err(StartError::Ended { status, log }) => {
            assert_eq!(status.code(), Some(1));
            assert!(
                log.contains("Your current 'ulimit -n' of 100 is not enough"),
                "{log}"
            );
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it has started"),
    }
}
