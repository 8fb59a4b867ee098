import type { Examples } from './example.ts'

export const influx: Examples = {
  messages: [
    {
      topic: 'telegraf/web1/cpu',
      text: 'cpu,cpu=cpu0,host=web1 usage_idle=98.5,usage_user=1.5 1795521599000000000\ncpu,cpu=cpu1,host=web1 usage_idle=97.5 1795521599000000000'
    },
    {
      topic: 'telegraf/web1/weather',
      text: 'weather,location=us-midwest temperature=82,humidity=71i,ok=t,msg="a \\"b\\"" 1795521599098000000\n# comment\nmy\\ Measurement fieldKey=12485903u'
    },
    { topic: 'telegraf/web1/disk', text: 'disk,host=web1,path=/ free=9007199254740993i,label="sys\\\\tem"' },
    { topic: 'telegraf/web1/net', text: 'net,host=web1,interface=eth0 up=true,errors=0i\r\n' },
    { topic: 'telegraf/web1/odd', text: 'a.b,host=web1,t\\,g=x\\ y f\\=1="two\nlines"' },
    {
      topic: 'telegraf/web1/bad',
      text: 'good,host=web1 v=1\nno fields\nhalf,host=web1 v=NaN,w=2\ngood,host=web1 v=2 soon'
    },
    {
      topic: 'telegraf/web1/zipped',
      hex: '1f8b0800000000000003cb4dcdd5c9c82f2eb12d4f4d3254282d4e4db1353534ca543034b73435353234b5b43480010029bd43b92b000000'
    }
  ]
}
