// When this firmware was linked, milliseconds since 1970: the linker runs preloaded modules and keeps what they export.
// Any correct date of the device is later.

export default Date.now();
