// A radio without a radio: what the transmitters of this process send, its receivers hear. SoapySDR "loopback", and
// "hackrf", the name that GNU Radio's HackRF blocks ask for. Settings are kept and reported, not applied.
//
// Samples pass unchanged and as fast as the flowgraph runs. Silence is paced: QUIET after the last sample a
// receiver hears zeros at its sample rate, which push a burst's end through the filters that follow. A transmitter
// that nobody hears sends at its sample rate into nothing. Arguments overflow_every, underflow_every: report one
// at each that many calls of readStream, writeStream; no sample is lost.

#include <SoapySDR/Device.hpp>
#include <SoapySDR/Errors.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <complex>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using Sample = std::complex<float>;
using Clock = std::chrono::steady_clock;
using Strings = std::vector<std::string>;
using Ranges = SoapySDR::RangeList;
using SoapySDR::Kwargs, SoapySDR::Range;
using Lock = std::unique_lock<std::mutex>;
using std::chrono::microseconds;

static constexpr size_t CAPACITY = 1 << 18, MTU = 1 << 14; // samples
static constexpr auto QUIET = std::chrono::milliseconds(300);
static constexpr float FULL_SCALE = 32767; // of CS16

static struct { // what lies between antennas
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Sample> samples;
    int receivers = 0;           // active
    double rate = 0;             // of the transmitter, Hz
    Clock::time_point last = {}; // sample written
} air;

struct Port { // what SoapySDR calls a stream
    int direction;
    bool floats, active;
    Clock::time_point since, heard; // activated; until when samples or silence were heard
};

class Loopback : public SoapySDR::Device
{
    struct Side {
        double rate = 2e6;
        std::string antenna = "TX/RX";
        std::map<std::string, double> values; // gains, frequencies, correction, bandwidth
        double value(const std::string &name) const { return values.count(name) ? values.at(name) : 0; }
    };
    Side sides[2]; // SOAPY_SDR_TX, SOAPY_SDR_RX
    size_t overflow_every = 0, underflow_every = 0, reads = 0, writes = 0, underflows = 0;

    static Port *port(SoapySDR::Stream *stream) { return reinterpret_cast<Port *>(stream); }
    static std::chrono::duration<double> duration(size_t samples, double rate)
    {
        return std::chrono::duration<double>(samples / rate);
    }
    static size_t number(const Kwargs &args, const std::string &key)
    {
        return args.count(key) ? std::stoul(args.at(key)) : 0;
    }

public:
    explicit Loopback(const Kwargs &args)
        : overflow_every(number(args, "overflow_every")), underflow_every(number(args, "underflow_every"))
    {
    }
    std::string getDriverKey() const override { return "loopback"; }
    std::string getHardwareKey() const override { return "loopback"; }
    size_t getNumChannels(const int) const override { return 1; }
    bool getFullDuplex(const int, const size_t) const override { return true; }

    // Settings. Gains have a HackRF's names and ranges.
    Strings listAntennas(const int d, const size_t) const override
    {
        return d == SOAPY_SDR_TX ? Strings{"TX/RX"} : Strings{"TX/RX", "RX2"};
    }
    void setAntenna(const int d, const size_t channel, const std::string &name) override
    {
        const auto known = listAntennas(d, channel);
        if (!std::count(known.begin(), known.end(), name)) throw std::invalid_argument("no antenna " + name);
        sides[d].antenna = name;
    }
    std::string getAntenna(const int d, const size_t) const override { return sides[d].antenna; }

    Strings listGains(const int d, const size_t) const override
    {
        return d == SOAPY_SDR_TX ? Strings{"VGA", "AMP"} : Strings{"LNA", "AMP", "VGA"};
    }
    Range getGainRange(const int d, const size_t, const std::string &name) const override
    {
        if (name == "AMP") return {0, 14, 14};
        return name == "LNA" ? Range(0, 40, 8) : Range(0, d == SOAPY_SDR_TX ? 47 : 62);
    }
    void setGain(const int d, const size_t, const std::string &name, const double dB) override
    {
        sides[d].values[name] = dB;
    }
    double getGain(const int d, const size_t, const std::string &name) const override { return sides[d].value(name); }

    Strings listFrequencies(const int, const size_t) const override { return {"RF", "BB"}; }
    Ranges getFrequencyRange(const int, const size_t, const std::string &name) const override
    {
        return {name == "RF" ? Range(0, 7.25e9) : Range(-30e6, 30e6)};
    }
    void setFrequency(const int d, const size_t, const std::string &name, const double hz, const Kwargs &) override
    {
        sides[d].values[name] = hz;
    }
    double getFrequency(const int d, const size_t, const std::string &name) const override
    {
        return sides[d].value(name);
    }
    bool hasFrequencyCorrection(const int, const size_t) const override { return true; }
    void setFrequencyCorrection(const int d, const size_t, const double ppm) override { sides[d].values["ppm"] = ppm; }
    double getFrequencyCorrection(const int d, const size_t) const override { return sides[d].value("ppm"); }

    std::vector<double> listSampleRates(const int, const size_t) const override { return {200e3, 2e6, 20e6}; }
    Ranges getSampleRateRange(const int, const size_t) const override { return {{1e3, 61.44e6}}; }
    void setSampleRate(const int d, const size_t, const double rate) override { sides[d].rate = rate; }
    double getSampleRate(const int d, const size_t) const override { return sides[d].rate; }
    std::vector<double> listBandwidths(const int, const size_t) const override { return {0, 61.44e6}; }
    Ranges getBandwidthRange(const int, const size_t) const override { return {{0, 61.44e6}}; }
    void setBandwidth(const int d, const size_t, const double hz) override { sides[d].values["bandwidth"] = hz; }
    double getBandwidth(const int d, const size_t) const override { return sides[d].value("bandwidth"); }

    // Streams
    Strings getStreamFormats(const int, const size_t) const override
    {
        return {SOAPY_SDR_CF32, SOAPY_SDR_CS16};
    }
    std::string getNativeStreamFormat(const int, const size_t, double &fullScale) const override
    {
        fullScale = 1;
        return SOAPY_SDR_CF32;
    }
    size_t getStreamMTU(SoapySDR::Stream *) const override { return MTU; }
    SoapySDR::Stream *setupStream(
        const int direction, const std::string &format, const std::vector<size_t> &, const Kwargs &) override
    {
        if (format != SOAPY_SDR_CF32 && format != SOAPY_SDR_CS16) throw std::invalid_argument("format " + format);
        Lock lock(air.mutex);
        if (direction == SOAPY_SDR_TX) air.samples.clear(); // what an earlier flowgraph left
        return reinterpret_cast<SoapySDR::Stream *>(new Port{direction, format == SOAPY_SDR_CF32, false, {}, {}});
    }
    void closeStream(SoapySDR::Stream *stream) override
    {
        deactivateStream(stream, 0, 0);
        delete port(stream);
    }
    int activateStream(SoapySDR::Stream *stream, const int, const long long, const size_t) override
    {
        return activate(*port(stream), true);
    }
    int deactivateStream(SoapySDR::Stream *stream, const int, const long long) override
    {
        return activate(*port(stream), false);
    }
    int activate(Port &port, bool active)
    {
        Lock lock(air.mutex);
        if (port.direction == SOAPY_SDR_RX) air.receivers += active - port.active;
        port.active = active;
        port.since = port.heard = Clock::now();
        air.changed.notify_all();
        return 0;
    }

    int readStream(
        SoapySDR::Stream *stream, void *const *buffs, const size_t wanted, int &flags, long long &, const long us)
        override
    {
        flags = 0;
        Port &rx = *port(stream);
        const double rate = sides[SOAPY_SDR_RX].rate;
        const auto until = Clock::now() + microseconds(us);
        Lock lock(air.mutex);
        if (overflow_every && ++reads % overflow_every == 0) return SOAPY_SDR_OVERFLOW;
        for (;;) {
            const auto now = Clock::now();
            size_t count = 0;
            if (rx.active && !air.samples.empty()) {
                count = std::min({wanted, MTU, air.samples.size()});
                // A receiver at another sample rate than the transmitter's hears nothing of it.
                for (size_t i = 0; i < count; i++) put(rx, buffs[0], i, rate == air.rate ? air.samples[i] : 0);
                air.samples.erase(air.samples.begin(), air.samples.begin() + count);
                rx.heard = now;
            } else if (rx.active && now > std::max(air.last, rx.since) + QUIET) {
                const double elapsed = std::chrono::duration<double>(now - rx.heard).count();
                count = std::min({wanted, MTU, size_t(elapsed * rate)});
                for (size_t i = 0; i < count; i++) put(rx, buffs[0], i, 0);
                rx.heard += std::chrono::duration_cast<Clock::duration>(duration(count, rate));
            }
            if (count) {
                air.changed.notify_all();
                return count;
            }
            if (now >= until) return SOAPY_SDR_TIMEOUT;
            air.changed.wait_until(lock, std::min(until, now + std::chrono::milliseconds(1)));
        }
    }

    int writeStream(
        SoapySDR::Stream *stream, const void *const *buffs, const size_t given, int &, const long long, const long us)
        override
    {
        Port &tx = *port(stream);
        if (!buffs[0]) return given; // UHD ends a stream with a sample of nothing
        Lock lock(air.mutex);
        const auto room = [] { return air.samples.size() < CAPACITY; };
        if (underflow_every && ++writes % underflow_every == 0) underflows++;
        air.rate = sides[SOAPY_SDR_TX].rate;
        if (!room() && !air.receivers) {
            air.changed.wait_for(
                lock, std::min<std::chrono::duration<double>>(duration(given, air.rate), microseconds(us)));
            if (!room()) return given;
        }
        if (!air.changed.wait_for(lock, microseconds(us), room)) return SOAPY_SDR_TIMEOUT;
        const size_t count = std::min({given, MTU, CAPACITY - air.samples.size()});
        for (size_t i = 0; i < count; i++) air.samples.push_back(get(tx, buffs[0], i));
        air.last = Clock::now();
        air.changed.notify_all();
        return count;
    }

    int readStreamStatus(SoapySDR::Stream *, size_t &channels, int &flags, long long &, const long us) override
    {
        flags = 0;
        channels = 1;
        Lock lock(air.mutex);
        if (!air.changed.wait_for(lock, microseconds(us), [this] { return underflows > 0; })) return SOAPY_SDR_TIMEOUT;
        underflows--;
        return SOAPY_SDR_UNDERFLOW;
    }

private:
    static void put(const Port &port, void *buffer, size_t i, Sample x)
    {
        if (port.floats)
            static_cast<Sample *>(buffer)[i] = x;
        else
            static_cast<std::complex<int16_t> *>(buffer)[i] = {short_of(x.real()), short_of(x.imag())};
    }
    static Sample get(const Port &port, const void *buffer, size_t i)
    {
        if (port.floats) return static_cast<const Sample *>(buffer)[i];
        const auto x = static_cast<const std::complex<int16_t> *>(buffer)[i];
        return Sample(x.real(), x.imag()) / FULL_SCALE;
    }
    static int16_t short_of(float x)
    {
        return int16_t(std::lrint(std::min(std::max(x, -1.0f), 1.0f) * FULL_SCALE));
    }
};

static SoapySDR::KwargsList find(const Kwargs &args)
{
    // Only for who asks for it by name: no search for a radio shall find this one.
    if (!args.count("driver")) return {};
    SoapySDR::Kwargs found = args;
    found["label"] = "loopback";
    return {found};
}

static SoapySDR::Device *make(const Kwargs &args) { return new Loopback(args); }

static SoapySDR::Registry loopback("loopback", &find, &make, SOAPY_SDR_ABI_VERSION);
static SoapySDR::Registry hackrf("hackrf", &find, &make, SOAPY_SDR_ABI_VERSION);
