//! The answer of HELP, the same form for every container.

use almandine_protocol::Reply;

/// Subcommands of `container` (upper case): each with its synopsis and the lines that explain it. HELP itself is added.
pub fn help(reply: &mut Reply<'_>, container: &str, subcommands: &[(&str, &[&str])]) {
    let explained: usize = subcommands.iter().map(|(_, lines)| 1 + lines.len()).sum();
    reply.array(1 + explained + 2);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for (synopsis, lines) in subcommands {
        reply.simple(synopsis);
        for line in *lines {
            reply.simple(&format!("    {line}"));
        }
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
