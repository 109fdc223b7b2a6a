//! The connection commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn auth(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_caching(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_capa(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_getname(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_getredir(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_id(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_import_source(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_info(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_kill(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_list(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_no_evict(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_no_touch(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_pause(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_reply(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_setinfo(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_setname(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_tracking(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_trackinginfo(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_unblock(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn client_unpause(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn echo(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hello(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn ping(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn quit(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn reset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn select(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "auth",
        arity: -2,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "[username] password",
        run: Run::Session(auth),
    },
    Command {
        name: "client",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Connection,
        since: "2.4.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Container(&[
            Command {
                name: "client|caching",
                arity: 3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.0.0",
                summary: "",
                complexity: "",
                args: "mode=<YES|NO>",
                run: Run::Session(client_caching),
            },
            Command {
                name: "client|capa",
                arity: -3,
                flags: Flags::ALLOW_BUSY
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "8.0.0",
                summary: "",
                complexity: "",
                args: "capability...",
                run: Run::Session(client_capa),
            },
            Command {
                name: "client|getname",
                arity: 2,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "2.6.9",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_getname),
            },
            Command {
                name: "client|getredir",
                arity: 2,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.0.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_getredir),
            },
            Command {
                name: "client|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "5.0.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_help),
            },
            Command {
                name: "client|id",
                arity: 2,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "5.0.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_id),
            },
            Command {
                name: "client|import-source",
                arity: 3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "8.1.0",
                summary: "",
                complexity: "",
                args: "enabled=<ON|OFF>",
                run: Run::Session(client_import_source),
            },
            Command {
                name: "client|info",
                arity: 2,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.2.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_info),
            },
            Command {
                name: "client|kill",
                arity: -3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "2.4.0",
                summary: "",
                complexity: "",
                args: "filter=<old-format|new-format=<[ID client-id:integer]|[TYPE client-type=<NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>]|[USER username]|[ADDR addr]|[LADDR laddr]|[SKIPME skipme=<YES|NO>]|[MAXAGE maxage:integer]>...>",
                run: Run::Session(client_kill),
            },
            Command {
                name: "client|list",
                arity: -2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "2.4.0",
                summary: "",
                complexity: "",
                args: "[TYPE client-type=<NORMAL|MASTER|REPLICA|PUBSUB>] [ID client-id:integer...]",
                run: Run::Session(client_list),
            },
            Command {
                name: "client|no-evict",
                arity: 3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "7.0.0",
                summary: "",
                complexity: "",
                args: "enabled=<ON|OFF>",
                run: Run::Session(client_no_evict),
            },
            Command {
                name: "client|no-touch",
                arity: 3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "7.2.0",
                summary: "",
                complexity: "",
                args: "enabled=<ON|OFF>",
                run: Run::Session(client_no_touch),
            },
            Command {
                name: "client|pause",
                arity: -3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "3.0.0",
                summary: "",
                complexity: "",
                args: "timeout:integer [mode=<WRITE|ALL>]",
                run: Run::Session(client_pause),
            },
            Command {
                name: "client|reply",
                arity: 3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "3.2.0",
                summary: "",
                complexity: "",
                args: "action=<ON|OFF|SKIP>",
                run: Run::Session(client_reply),
            },
            Command {
                name: "client|setinfo",
                arity: 4,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "7.2.0",
                summary: "",
                complexity: "",
                args: "attr=<LIB-NAME libname|LIB-VER libver>",
                run: Run::Session(client_setinfo),
            },
            Command {
                name: "client|setname",
                arity: 3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "2.6.9",
                summary: "",
                complexity: "",
                args: "connection-name",
                run: Run::Session(client_setname),
            },
            Command {
                name: "client|tracking",
                arity: -3,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.0.0",
                summary: "",
                complexity: "",
                args: "status=<ON|OFF> [REDIRECT client-id:integer] [{PREFIX prefix}...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
                run: Run::Session(client_tracking),
            },
            Command {
                name: "client|trackinginfo",
                arity: 2,
                flags: Flags::LOADING.union(Flags::NOSCRIPT).union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.2.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_trackinginfo),
            },
            Command {
                name: "client|unblock",
                arity: -3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "5.0.0",
                summary: "",
                complexity: "",
                args: "client-id:integer [unblock-type=<TIMEOUT|ERROR>]",
                run: Run::Session(client_unblock),
            },
            Command {
                name: "client|unpause",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Connection,
                since: "6.2.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Session(client_unpause),
            },
        ]),
    },
    Command {
        name: "echo",
        arity: 2,
        flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "message",
        run: Run::Session(echo),
    },
    Command {
        name: "hello",
        arity: -1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "6.0.0",
        summary: "",
        complexity: "",
        args: "[arguments=(protover:integer [AUTH auth=(username password)] [SETNAME clientname])]",
        run: Run::Session(hello),
    },
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST,
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "[message]",
        run: Run::Session(ping),
    },
    Command {
        name: "quit",
        arity: -1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(quit),
    },
    Command {
        name: "reset",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(reset),
    },
    Command {
        name: "select",
        arity: 2,
        flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "index:integer",
        run: Run::Session(select),
    },
];
