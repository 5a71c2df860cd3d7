// The console of programs in the simulator.

export * from "../../../../targets/esp32/xsbug.ts";
