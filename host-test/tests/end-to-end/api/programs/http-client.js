// An HttpClient that is led from outside, on any engine. Outcomes are plain data: { error?, command? }.

export function startHttp(HttpClient, options, ports) {
  const client = new HttpClient(options, ports);

  function outcome(error, command) {
    const told = {};
    if (error) {
      told.error = { name: error.name, message: error.message, code: error.code };
      if (error.returnCode) told.error.returnCode = error.returnCode;
    }
    if (command) told.command = command;
    return told;
  }

  return {
    publish: ([event, format, data]) =>
      new Promise(resolve => client.publishEvent(event, format, data, error => resolve(outcome(error)))),
    request: ([command, waitTimeSecs]) =>
      new Promise(resolve =>
        client.requestCommand(command, waitTimeSecs, (error, got) => resolve(outcome(error, got))),
      ),
    close: () => client.close(),
  };
}
