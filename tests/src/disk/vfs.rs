//! SQLite's storage interface (a "VFS") over a lossy disk.
//!
//! It promises SQLite what the `unix` VFS promises on a phone, no more: sectors of 4096 bytes and `POWERSAFE_OVERWRITE`.
//! It syncs a folder where that one does: with the first sync of a new journal, and after a removal that asks for it.
//!
//! The crate `sqlite-plugin` was weighed for this: its build needs libclang on every machine, it hides from us which
//! removals sync the folder, and it cannot be told the time.
#![allow(unsafe_code, reason = "SQLite asks its storage through C function pointers")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Once};
use std::time::Duration;
use std::{slice, thread};

use rusqlite::ffi;

use super::contents::{Contents, HandleId, Manner, Result};
use super::count::Kind;
use super::folder::folder_of;
use super::memory::SharedMemory;
use super::registry::Platter;

/// The name to open a database with.
pub(super) const NAME: &str = match C_NAME.to_str() {
    Ok(name) => name,
    Err(_) => panic!("the name is ASCII"),
};
const C_NAME: &CStr = c"lastmile-lossy";

/// As the `unix` VFS reports it, whatever the device has.
const SECTOR_SIZE: c_int = 4096;
const LONGEST_PATH: c_int = 512;
/// Noon of 24 November 4714 BC to midnight of 1 January 2000, in ms. Nothing should ask SQLite for the time: if
/// something does, each run gives the same wrong answer.
const A_FIXED_TIME: ffi::sqlite3_int64 = 211_813_444_800_000;
/// A busy connection tries about sixty times in its five seconds. Virtual time need not wait that long.
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

/// Registers the VFS, once per process.
pub(super) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let vfs = Box::leak(Box::new(vfs()));
        // SAFETY: the structure lives as long as the process and all its functions are ours.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes the VFS");
    });
}

fn vfs() -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<OpenFile>()).expect("a handle is small"),
        mxPathname: LONGEST_PATH,
        pNext: null_mut(),
        zName: C_NAME.as_ptr(),
        pAppData: null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        // No extension is ever loaded.
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_ms),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// What SQLite keeps for an open file: its own part first, ours behind it.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    handle: MaybeUninit<Handle>,
}

struct Handle {
    platter: Arc<Platter>,
    id: HandleId,
    /// Kept here and not on the disk: it must outlive a power loss as long as SQLite holds pointers into it.
    memory: Option<Arc<SharedMemory>>,
}

impl Handle {
    fn call<T>(&self, call: impl FnOnce(&mut Contents, HandleId) -> Result<T>) -> Result<T> {
        call(&mut self.platter.contents(), self.id)
    }
}

/// Returns our part of an open file.
///
/// SAFETY: `file` must come from SQLite, between our `open` and our `close`. SQLite uses a file from one thread at a
/// time, so the reference is the only one.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    unsafe { (*file.cast::<OpenFile>()).handle.assume_init_mut() }
}

/// SAFETY: `path` must be null or end with a zero byte and outlive the result.
unsafe fn text<'a>(path: *const c_char) -> Option<&'a str> {
    if path.is_null() {
        return None;
    }
    unsafe { CStr::from_ptr(path) }.to_str().ok()
}

fn size(number: impl TryInto<usize>) -> usize {
    number.try_into().ok().expect("SQLite passes no negative sizes")
}

fn code(result: Result<()>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

// The functions below are called by SQLite alone. SAFETY, for all of them: it passes files that `open` filled, buffers
// as long as it says, paths that end with a zero byte, and places for results that may be written.

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    unsafe { (*file).pMethods = null() };
    let opened = match unsafe { text(path) } {
        Some(path) => Platter::of(path).ok_or(ffi::SQLITE_CANTOPEN),
        // A temporary file of SQLite's own, gone at the next start: a disk of its own will do.
        None => Ok((Platter::attach(Contents::default()), "")),
    };
    let opened = opened.and_then(|(platter, name)| {
        let name = Some(name).filter(|name| !name.is_empty());
        let id = platter.contents().open(name, manner(flags))?;
        Ok(Handle { platter, id, memory: None })
    });
    match opened {
        Ok(handle) => {
            let base = ffi::sqlite3_file { pMethods: &raw const METHODS };
            let handle = MaybeUninit::new(handle);
            unsafe { file.cast::<OpenFile>().write(OpenFile { base, handle }) };
            if !flags_out.is_null() {
                unsafe { *flags_out = flags };
            }
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

fn manner(flags: c_int) -> Manner {
    let asks = |flag| flags & flag != 0;
    let kind = if asks(ffi::SQLITE_OPEN_MAIN_DB) {
        Kind::Database
    } else if asks(ffi::SQLITE_OPEN_WAL) {
        Kind::Wal
    } else if asks(ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) {
        Kind::Journal
    } else {
        Kind::Plain
    };
    Manner {
        kind,
        create: asks(ffi::SQLITE_OPEN_CREATE),
        must_be_new: asks(ffi::SQLITE_OPEN_EXCLUSIVE),
        delete_on_close: asks(ffi::SQLITE_OPEN_DELETEONCLOSE),
    }
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_dir: c_int,
) -> c_int {
    let Some((platter, name)) = unsafe { text(path) }.and_then(Platter::of) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let mut disk = platter.contents();
    code(disk.delete(name).and_then(|()| match sync_dir {
        0 => Ok(()),
        _ => disk.sync_folder(folder_of(name)),
    }))
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let Some((platter, name)) = unsafe { text(path) }.and_then(Platter::of) else {
        return ffi::SQLITE_IOERR_ACCESS;
    };
    let found = platter.contents().find(name);
    code(found.map(|found| {
        // The `unix` VFS says of an empty file that it does not exist: an empty journal is none.
        let there = found.is_some_and(|(_, len)| len > 0 || flags != ffi::SQLITE_ACCESS_EXISTS);
        unsafe { *out = c_int::from(there) };
    }))
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    let path = unsafe { CStr::from_ptr(path) };
    if path.count_bytes() >= size(room) {
        return ffi::SQLITE_CANTOPEN;
    }
    unsafe { out.copy_from(path.as_ptr(), path.count_bytes() + 1) };
    ffi::SQLITE_OK
}

/// SQLite takes its randomness from the process's default VFS, never from here.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    unsafe { out.write_bytes(0, size(len)) };
    len
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    let asked = Duration::from_micros(microseconds.unsigned_abs().into());
    thread::sleep(asked.min(LONGEST_SLEEP));
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, days: *mut f64) -> c_int {
    #[allow(clippy::cast_precision_loss, reason = "48 bits fit")]
    unsafe {
        *days = A_FIXED_TIME as f64 / 86_400_000.0;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_ms(
    _: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    unsafe { *out = A_FIXED_TIME };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let handle = unsafe { file.cast::<OpenFile>().read().handle.assume_init() };
    unsafe { (*file).pMethods = null() };
    handle.platter.contents().close(handle.id);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let into = unsafe { slice::from_raw_parts_mut(into.cast::<u8>(), size(len)) };
    match unsafe { handle(file) }.call(|disk, id| disk.read(id, size(at), into)) {
        Ok(there) if there < into.len() => {
            into[there..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Ok(_) => ffi::SQLITE_OK,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let bytes = unsafe { slice::from_raw_parts(from.cast::<u8>(), size(len)) };
    code(unsafe { handle(file) }.call(|disk, id| disk.write(id, size(at), bytes)))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    code(unsafe { handle(file) }.call(|disk, id| disk.truncate(id, size(len))))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    code(unsafe { handle(file) }.call(Contents::sync))
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    let len = unsafe { handle(file) }.call(Contents::len);
    code(len.map(|len| unsafe { *out = len.try_into().expect("a file fits into memory") }))
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    code(unsafe { handle(file) }.call(|disk, id| disk.lock(id, level)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    code(unsafe { handle(file) }.call(|disk, id| disk.unlock(id, level)))
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    let reserved = unsafe { handle(file) }.call(Contents::reserved);
    code(reserved.map(|reserved| unsafe { *out = reserved.into() }))
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SUBPAGE_READ
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    region_size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe { *out = null_mut() };
    let handle = unsafe { handle(file) };
    let memory = match handle.call(Contents::shared_memory) {
        Ok(current) => handle.memory.get_or_insert(current),
        Err(code) => return code,
    };
    let place = memory.region(size(region), size(region_size), extend != 0);
    unsafe { *out = place.unwrap_or(null_mut()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let slots = (first..first + count).fold(0, |slots, slot| slots | 1 << slot);
    let alone = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    code(unsafe { handle(file) }.call(|disk, id| match flags & ffi::SQLITE_SHM_UNLOCK {
        0 => disk.take_slots(id, slots, alone),
        _ => disk.free_slots(id, slots),
    }))
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    unsafe { handle(file) }.memory = None;
    ffi::SQLITE_OK
}
