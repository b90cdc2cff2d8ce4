//! Check that the PDC emulator is among the configured controllers. Its badPwdCount includes wrong passwords that other controllers
//! counted.

use std::sync::Arc;

use crate::{
    check::{Id, Report},
    directory::{Controller, Directory, DirectoryError},
};

/// Compares the settings object of each usable controller with that of the PDC emulator.
pub(in crate::check) async fn check(directory: &Directory, usable: &[&Arc<Controller>], report: &mut Report) {
    let mut away = usable.len() < directory.controllers().len();
    let mut pdc = None;
    for controller in usable {
        match who(directory, controller).await {
            Ok((own, role)) if role.eq_ignore_ascii_case(&own) => return, // reported by the controller's own check
            Ok((_, role)) => pdc = Some((controller, role)),
            Err(_) => away = true,
        }
    }
    let Some((asked, role)) = pdc else { return };
    let name = match directory.inspect(asked).await {
        Ok(mut inspection) => inspection.server_name(&role).await.ok().flatten(),
        Err(_) => None,
    };
    let name = name.unwrap_or_else(|| role.clone());
    let what = if away {
        format!("the PDC emulator is {name}, which is none of the usable controllers")
    } else {
        format!("the PDC emulator, {name}, is not among directory.controllers")
    };
    let remedy = "add it to directory.controllers (first place: the nearest controller); PowerShell: (Get-ADDomain).PDCEmulator";
    report.warning(Id::PdcNotAmongControllers, "directory", &what, remedy);
}

/// Settings objects of the controller and of the PDC emulator.
async fn who(directory: &Directory, controller: &Controller) -> Result<(String, String), DirectoryError> {
    let mut inspection = directory.inspect(controller).await?;
    let own = inspection.root_dse().await?.settings_dn;
    let role = inspection.pdc().await?.ok_or(DirectoryError::Unreadable("fSMORoleOwner"))?;
    Ok((own, role))
}
