// Topics of device management (docs/protocol.md 7.2, 7.3).

/** The one filter for everything that the server asks and answers. */
export const SERVER_FILTER = "iotdm-1/#";
/** What the topics of the server begin with. */
export const SERVER_PREFIX = "iotdm-1/";

// From the server, after SERVER_PREFIX.
export const SERVER_RESPONSE = "response";
export const SET_ATTRIBUTES = "device/update";
export const OBSERVE = "observe";
export const CANCEL = "cancel";
export const REBOOT = "mgmt/initiate/device/reboot";
export const FACTORY_RESET = "mgmt/initiate/device/factory_reset";
export const FIRMWARE_DOWNLOAD = "mgmt/initiate/firmware/download";
export const FIRMWARE_UPDATE = "mgmt/initiate/firmware/update";
/** Then the bundle id and the action id, each one level. */
export const CUSTOM_PREFIX = "mgmt/custom/";

// From the device.
export const MANAGE = "iotdevice-1/mgmt/manage";
export const UNMANAGE = "iotdevice-1/mgmt/unmanage";
export const LOCATION = "iotdevice-1/device/update/location";
export const ADD_ERROR_CODE = "iotdevice-1/add/diag/errorCodes";
export const CLEAR_ERROR_CODES = "iotdevice-1/clear/diag/errorCodes";
export const ADD_LOG = "iotdevice-1/add/diag/log";
export const CLEAR_LOG = "iotdevice-1/clear/diag/log";
export const NOTIFY = "iotdevice-1/notify";
export const DEVICE_RESPONSE = "iotdevice-1/response";
