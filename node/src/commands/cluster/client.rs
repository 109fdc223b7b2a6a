//! What a connection says of its next commands.

use super::myself;
use crate::commands::{Call, Outcome};

pub(super) fn readonly(call: &mut Call<'_>) -> Outcome {
    allow_replica(call, true)
}

pub(super) fn readwrite(call: &mut Call<'_>) -> Outcome {
    allow_replica(call, false)
}

fn allow_replica(call: &mut Call<'_>, is_readonly: bool) -> Outcome {
    myself(call)?;
    call.session.is_readonly = is_readonly;
    call.session.client.profile().is_readonly = is_readonly;
    call.reply.ok();
    Ok(())
}

pub(super) fn asking(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    call.session.is_asking = true;
    call.reply.ok();
    Ok(())
}
