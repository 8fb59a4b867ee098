/** Azure IoT Hub. */

import type { Convention } from '../../normalize/convention.ts'

export const azureIotHub: Convention = {
  name: 'azure-iot-hub',
  title: 'Azure IoT Hub',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
