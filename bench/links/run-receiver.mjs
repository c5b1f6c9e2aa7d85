/** The other process of a link: `receive` of the module that is named, until the process that started it goes. */
const [module, settings] = process.argv.slice(2);

// The key that ends a command ends the sender, and this process then as ever.
process.on('SIGINT', () => undefined);
let receiver;
process.once('disconnect', async () => {
  await receiver?.close();
  process.exit(0);
});

try {
  const { receive } = await import(module);
  receiver = await receive(JSON.parse(settings));
  // Where the sender went meanwhile.
  if (!process.connected) {
    await receiver.close();
    process.exit(0);
  }
  process.send({ address: receiver.address, serverPids: receiver.serverPids ?? [] });
} catch (error) {
  if (process.connected) process.send({ error: error instanceof Error ? error.stack : String(error) });
  process.disconnect();
}
